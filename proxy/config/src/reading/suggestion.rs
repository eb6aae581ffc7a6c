//! "did you mean": the known word nearest to an unknown one.

/// The nearest of `known` when it is near enough to be meant.
pub(crate) fn nearest<'k>(word: &str, known: impl IntoIterator<Item = &'k str>) -> Option<&'k str> {
    let bound = (word.chars().count() / 3).clamp(1, 3);
    known
        .into_iter()
        .map(|candidate| (distance(word, candidate), candidate))
        .filter(|(distance, _)| *distance <= bound)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// A sentence for a fix: what is probably meant, else what there is.
pub(crate) fn sentence<'k>(word: &str, known: impl IntoIterator<Item = &'k str> + Clone) -> String {
    match nearest(word, known.clone()) {
        Some(meant) => format!("did you mean `{meant}`?"),
        None => {
            let mut all: Vec<&str> = known.into_iter().collect();
            all.sort_unstable();
            match all.is_empty() {
                true => "there is none".into(),
                false => format!("there are {}", all.join(", ")),
            }
        }
    }
}

/// Levenshtein's distance: how many letters to insert, remove or replace.
fn distance(left: &str, right: &str) -> usize {
    let right: Vec<char> = right.chars().collect();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (index, letter) in left.chars().enumerate() {
        let mut next = Vec::with_capacity(row.len());
        let mut before = index + 1;
        next.push(before);
        for (pair, other) in row.windows(2).zip(&right) {
            let [diagonal, above] = pair else { continue };
            let replaced = diagonal + usize::from(letter != *other);
            before = replaced.min(above + 1).min(before + 1);
            next.push(before);
        }
        row = next;
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn distances_count_letters() {
        for (left, right, expected) in [
            ("", "", 0),
            ("a", "", 1),
            ("", "ab", 2),
            ("kitten", "sitting", 3),
            ("abc", "abc", 0),
        ] {
            assert_eq!(distance(left, right), expected, "{left} {right}");
        }
    }

    #[test]
    fn only_a_near_word_is_meant() {
        let known = ["target_service", "upstream_path", "id"];
        assert_eq!(nearest("target_servce", known), Some("target_service"));
        assert_eq!(nearest("targetservice", known), Some("target_service"));
        assert_eq!(nearest("backend", known), None);
        assert_eq!(
            sentence("backend", known),
            "there are id, target_service, upstream_path"
        );
    }
}
