//! A value that no log, error or `Debug` output shows.

use std::fmt;

use aws_lc_rs::{constant_time, digest};
use serde::Deserialize;

/// A password or client secret. It has no `Display`, and `Debug` hides it.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(transparent)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value.
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    /// The value itself, for the party that it is for.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Compares in constant time, over digests so that lengths do not show either.
    pub(crate) fn matches(&self, given: &str) -> bool {
        let ours = digest::digest(&digest::SHA256, self.0.as_bytes());
        let theirs = digest::digest(&digest::SHA256, given.as_bytes());
        constant_time::verify_slices_are_equal(ours.as_ref(), theirs.as_ref()).is_ok()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Secret(hidden)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_not_shown_by_debug() {
        assert_eq!(format!("{:?}", Secret::new("wonderland")), "Secret(hidden)");
    }

    #[test]
    fn a_secret_matches_only_itself() {
        assert!(Secret::new("wonderland").matches("wonderland"));
        assert!(!Secret::new("wonderland").matches("Wonderland"));
        assert!(!Secret::new("wonderland").matches(""));
    }
}
