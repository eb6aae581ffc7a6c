//! What an upstream may tell a browser to forget of our origin (`Clear-Site-Data`).

/// The directives that an upstream may give: none of these takes a cookie or what the page keeps.
const HARMLESS: [&str; 5] = [
    "cache",
    "clientHints",
    "executionContexts",
    "prefetchCache",
    "prerenderCache",
];

/// The directives of `Clear-Site-Data` fields that leave the session alone (W3C Clear Site Data
/// § 3.1): `cookies`, `storage`, `*` and what nobody knows yet are left out; `None` when nothing
/// is left.
pub fn without_session_data<'a>(fields: impl IntoIterator<Item = &'a [u8]>) -> Option<String> {
    let directives: Vec<&[u8]> = fields
        .into_iter()
        .flat_map(|field| field.split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .collect();
    let kept: Vec<String> = HARMLESS
        .iter()
        .map(|name| format!("\"{name}\""))
        .filter(|quoted| directives.contains(&quoted.as_bytes()))
        .collect();
    (!kept.is_empty()).then(|| kept.join(", "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_upstream_may_clear_caches_and_neither_cookies_nor_storage() {
        for (given, expected) in [
            (&["\"cookies\""][..], None),
            (&["\"*\""], None),
            (&["*"], None),
            (&["\"storage\", \"cookies\""], None),
            (&["\"Cookies\",\"unheard-of\""], None),
            (&["\"cache\""], Some("\"cache\"")),
            (&["\"cache\",\"cookies\""], Some("\"cache\"")),
            (
                &["\"cookies\"", "\"executionContexts\" ,\"cache\""],
                Some("\"cache\", \"executionContexts\""),
            ),
            (&["\"cache, \"cookies\""], None),
            (&[], None),
        ] {
            let fields = given.iter().map(|field| field.as_bytes());
            let kept = without_session_data(fields);
            assert_eq!(kept.as_deref(), expected, "{given:?}");
        }
    }
}
