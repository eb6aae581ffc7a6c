//! Reading a `Cookie` header and writing our own cookies (RFC 6265bis).

use std::time::Duration;

/// What was found under one name among the cookies of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lookup<'a> {
    /// No such cookie.
    None,
    /// Exactly one, with this value.
    One(&'a [u8]),
    /// More than one: which is the browser's own cannot be told.
    Several,
}

/// The cookies of a request, which may come in several fields (RFC 9113 § 8.2.3).
pub fn pairs<'a>(
    fields: impl IntoIterator<Item = &'a [u8]>,
) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
    fields
        .into_iter()
        .flat_map(|field| field.split(|byte| *byte == b';'))
        .filter_map(|pair| {
            let pair = pair.trim_ascii();
            let equals = pair.iter().position(|byte| *byte == b'=')?;
            let (name, value) = pair.split_at_checked(equals)?;
            Some((
                name.trim_ascii(),
                value.get(1..).unwrap_or_default().trim_ascii(),
            ))
        })
}

/// Looks one cookie up by its exact name.
pub fn lookup<'a>(fields: impl IntoIterator<Item = &'a [u8]>, name: &str) -> Lookup<'a> {
    let mut found = pairs(fields)
        .filter(|(key, _)| *key == name.as_bytes())
        .map(|(_, value)| value);
    match (found.next(), found.next()) {
        (None, _) => Lookup::None,
        (Some(value), None) => Lookup::One(value),
        (Some(_), Some(_)) => Lookup::Several,
    }
}

/// Whether a cookie name is one of ours, so that it reaches no upstream and none may set it.
/// Browsers compare the `__Host-` prefix without case, so this does as well.
pub fn is_ours(name: &[u8], session_cookie: &str) -> bool {
    let starts_with = |prefix: &str| {
        name.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
    };
    name.eq_ignore_ascii_case(session_cookie.as_bytes())
        || (starts_with(session_cookie) && name.get(session_cookie.len()) == Some(&b'_'))
}

/// The client's cookies without ours, as one field; `None` when nothing is left.
pub fn without_ours<'a>(
    fields: impl IntoIterator<Item = &'a [u8]>,
    session_cookie: &str,
) -> Option<Vec<u8>> {
    let mut kept: Vec<u8> = Vec::new();
    for pair in fields
        .into_iter()
        .flat_map(|field| field.split(|byte| *byte == b';'))
    {
        let pair = pair.trim_ascii();
        if pair.is_empty() || is_ours(set_cookie_name(pair), session_cookie) {
            continue;
        }
        if !kept.is_empty() {
            kept.extend_from_slice(b"; ");
        }
        kept.extend_from_slice(pair);
    }
    (!kept.is_empty()).then_some(kept)
}

/// The name of a `Set-Cookie` field's cookie. A browser sends a cookie without a name as its bare
/// value (RFC 6265bis § 5.8.3), which then reads as a pair of its own: that pair's name counts.
pub fn set_cookie_name(field: &[u8]) -> &[u8] {
    let pair = field.split(|byte| *byte == b';').next().unwrap_or_default();
    let named = pair
        .iter()
        .position(|byte| *byte != b'=' && !byte.is_ascii_whitespace());
    let pair = named
        .and_then(|start| pair.get(start..))
        .unwrap_or_default();
    pair.split(|byte| *byte == b'=')
        .next()
        .unwrap_or_default()
        .trim_ascii()
}

/// A name and the attributes that go with it. There is no way to write a cookie of ours without
/// `HttpOnly`, `Path=/` and `SameSite`, with a `Domain`, or a `__Host-` one without `Secure`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CookieName {
    name: String,
    secure: bool,
}

impl CookieName {
    /// `__Host-` and Secure where browsers reach us over https; plain where they use http, which
    /// the configuration allows on loopback hosts only.
    pub fn new(base: &str, secure: bool) -> Self {
        let name = if secure {
            format!("__Host-{base}")
        } else {
            base.to_string()
        };
        Self { name, secure }
    }

    /// The full name.
    pub fn as_str(&self) -> &str {
        &self.name
    }

    /// A cookie named after this one: `<name>_<suffix>`.
    #[must_use]
    pub fn with_suffix(&self, suffix: &str) -> Self {
        Self {
            name: format!("{}_{suffix}", self.name),
            secure: self.secure,
        }
    }

    /// A `Set-Cookie` value. `max_age` of `None` makes it end with the browser's session.
    /// `SameSite=Lax`: the navigation that comes back from the provider is a cross-site one, and
    /// must bring the login's cookie along.
    pub fn set(&self, value: &str, max_age: Option<Duration>) -> String {
        let age = max_age
            .map(|age| format!("; Max-Age={}", age.as_secs()))
            .unwrap_or_default();
        format!("{}={value}{}{age}", self.name, self.attributes())
    }

    /// The `Set-Cookie` value that deletes the cookie, with the same attributes: a browser
    /// ignores a deletion of a `__Host-` cookie that lacks them.
    pub fn delete(&self) -> String {
        format!("{}={}; Max-Age=0", self.name, self.attributes())
    }

    fn attributes(&self) -> &'static str {
        match self.secure {
            true => "; Path=/; Secure; HttpOnly; SameSite=Lax",
            false => "; Path=/; HttpOnly; SameSite=Lax",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields<'a>(fields: &'a [&'a str]) -> impl Iterator<Item = &'a [u8]> {
        fields.iter().map(|field| field.as_bytes())
    }

    #[test]
    fn a_cookie_is_found_by_its_exact_name_in_any_field() {
        for (given, expected) in [
            (&[][..], Lookup::None),
            (&["a=1; s=x; b=2"], Lookup::One(b"x")),
            (&["a=1", "s=x"], Lookup::One(b"x")),
            (&["s=x=y"], Lookup::One(b"x=y")),
            (&["s="], Lookup::One(b"")),
            (&[" s = x "], Lookup::One(b"x")),
            (&["S=x; ss=y; s"], Lookup::None),
            (&["s=x; s=x"], Lookup::Several),
            (&["s=x", "s=y"], Lookup::Several),
            (&["=x; ;; =; \u{1f36a}"], Lookup::None),
        ] {
            assert_eq!(lookup(fields(given), "s"), expected, "{given:?}");
        }
    }

    #[test]
    fn our_cookies_are_taken_out_and_the_others_stay_in_one_field() {
        for (given, expected) in [
            (&["a=1; s=x; b=2"][..], Some("a=1; b=2")),
            (&["a=1", "s=x", "b=\"2 3\""], Some("a=1; b=\"2 3\"")),
            (&["s=x; s_login_1=y"], None),
            (&["S=x; sx=1; novalue"], Some("sx=1; novalue")),
            (&["a=1; a=1"], Some("a=1; a=1")),
            (&["=s=x; = s_login_1=y; =a=1"], Some("=a=1")),
        ] {
            let kept = without_ours(fields(given), "s");
            assert_eq!(kept.as_deref(), expected.map(str::as_bytes), "{given:?}");
        }
    }

    #[test]
    fn a_host_cookie_is_always_secure_and_its_deletion_has_the_same_attributes() {
        let name = CookieName::new("bff_session", true);
        assert_eq!(
            name.set("v", None),
            "__Host-bff_session=v; Path=/; Secure; HttpOnly; SameSite=Lax"
        );
        assert_eq!(
            name.delete(),
            "__Host-bff_session=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0"
        );
        let plain = CookieName::new("bff_session", false);
        assert_eq!(
            plain.delete(),
            "bff_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
        );
    }

    #[test]
    fn the_name_of_a_set_cookie_is_read_whatever_its_spelling() {
        assert!(is_ours(
            set_cookie_name(b" __HOST-BFF_session = x; Path=/"),
            "__Host-bff_session"
        ));
        assert!(is_ours(
            set_cookie_name(b"bff_session_login_1=x"),
            "bff_session"
        ));
        for nameless in [
            &b"=bff_session=evil"[..],
            b" = bff_session=evil; Path=/",
            b"==bff_session",
            b"bff_session",
            b"\t=\tBFF_session_login_1=x",
        ] {
            assert!(is_ours(set_cookie_name(nameless), "bff_session"));
        }
        assert!(!is_ours(set_cookie_name(b"=other"), "bff_session"));
        assert_eq!(set_cookie_name(b"=; Path=/"), b"");
        assert!(!is_ours(
            set_cookie_name(b"other=bff_session"),
            "bff_session"
        ));
        assert!(!is_ours(set_cookie_name(b"bff_sessions=x"), "bff_session"));
    }
}
