//! Where a login may return to: a path of our own origin, written anew by us, nothing else.

use crate::target::{EncodedSlash, RequestTarget};

/// The longest `return_to` that is kept, in bytes: it travels in a cookie.
pub const MAX_LENGTH: usize = 1024;

/// A same-origin path with an optional query.
#[derive(Clone, PartialEq, Eq)]
pub struct ReturnTo(String);

impl ReturnTo {
    /// Reads a value as it stands in a query, already percent-decoded. What is no unambiguous
    /// path of ours becomes `/`: an open redirect is worse than a lost place.
    pub fn parse(text: &str) -> Self {
        Self::checked(text).unwrap_or_default()
    }

    fn checked(text: &str) -> Option<Self> {
        // Browsers take `\` for `/` and drop tabs and line breaks (WHATWG URL): neither passes the parser.
        let target = RequestTarget::parse(text.as_bytes(), EncodedSlash::Refuse).ok()?;
        // As it is written anew: what had to be encoded has become longer.
        let bounded = target.as_str().len() <= MAX_LENGTH && text.is_ascii();
        let query_is_plain = !target.query_suffix().contains(['\\', '<', '>', '"']);
        let endpoint = target.path().starts_with("/auth/");
        (bounded && query_is_plain && !endpoint).then(|| Self(target.as_str().to_owned()))
    }

    /// The path and query.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Default for ReturnTo {
    fn default() -> Self {
        Self("/".into())
    }
}

/// Shows the path alone.
impl std::fmt::Debug for ReturnTo {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let path = self.0.split('?').next().unwrap_or_default();
        formatter.debug_tuple("ReturnTo").field(&path).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_returns_to_our_own_paths_only() {
        for (given, kept) in [
            ("/", "/"),
            ("/a/b?c=d&e=%2F", "/a/b?c=d&e=%2F"),
            ("/a?next=https://x.example/", "/a?next=https://x.example/"),
            ("", "/"),
            ("https://evil.example", "/"),
            ("//evil.example", "/"),
            ("///evil.example", "/"),
            ("/\\evil.example", "/"),
            ("\\\\evil.example", "/"),
            ("/\t/evil.example", "/"),
            ("/\n/evil.example", "/"),
            ("/%5cevil.example", "/"),
            ("/%2f/evil.example", "/"),
            ("/%09/evil.example", "/"),
            ("/..//evil.example", "/"),
            ("/./evil", "/"),
            ("javascript:alert(1)", "/"),
            (" /a", "/"),
            ("/a#b", "/"),
            ("/auth/logout", "/"),
            ("/auth/login?return_to=/", "/"),
        ] {
            assert_eq!(ReturnTo::parse(given).as_str(), kept, "{given:?}");
        }
        // Written anew, the second one is three times as long.
        for (letter, times) in [("a", MAX_LENGTH), ("{", MAX_LENGTH / 2)] {
            let long = format!("/{}", letter.repeat(times));
            assert_eq!(ReturnTo::parse(&long).as_str(), "/");
        }
    }
}
