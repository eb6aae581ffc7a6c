//! `Via` (RFC 9110 § 7.6.3): every proxy on the way adds itself, so that one which meets itself
//! again notices.

use sha2::{Digest, Sha256};

/// How often a request that runs in a circle has passed here already. Once it may: a page's own
/// server calls back through its public address, and passes on the `Via` that it was sent.
const PASSES: usize = 2;

/// Our name in `Via`: the same for all replicas of a public URL, another for any other gateway.
pub fn pseudonym(origin: &str) -> String {
    let hash = Sha256::digest(origin.as_bytes());
    let short: String = hash
        .iter()
        .take(4)
        .map(|byte| format!("{byte:02x}"))
        .collect();
    format!("tokenbridge-{short}")
}

/// Whether a request runs in a circle: its `Via` fields name us too often.
pub fn is_loop<'f>(fields: impl IntoIterator<Item = &'f [u8]>, pseudonym: &str) -> bool {
    fields
        .into_iter()
        .flat_map(|field| field.split(|byte| *byte == b','))
        .filter(|member| received_by(member) == Some(pseudonym.as_bytes()))
        .count()
        >= PASSES
}

/// The second word of `1.1 pseudonym (comment)`.
fn received_by(member: &[u8]) -> Option<&[u8]> {
    member
        .split(|byte| matches!(byte, b' ' | b'\t'))
        .filter(|word| !word.is_empty())
        .nth(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_that_passed_here_twice_runs_in_a_circle_and_once_it_calls_back() {
        for (fields, expected) in [
            (&[][..], false),
            (&["1.1 us"], false),
            (&["1.1 us, 1.0 other"], false),
            (&["1.1 us, 2 us (again)"], true),
            (&["1.1 us", "1.0 other,\t1.1  us"], true),
            (&["1.1 others, 1.1 us2, us us", "1.1 us"], true),
            (&["1.1 others, 1.1 us2, 1.1 us"], false),
            (&["us, us, us", "1.1 US, 1.1 US, 1.1 US"], false),
        ] {
            let fields = fields.iter().map(|field| field.as_bytes());
            assert_eq!(
                is_loop(fields.clone(), "us"),
                expected,
                "{:?}",
                fields.collect::<Vec<_>>()
            );
        }
    }
}
