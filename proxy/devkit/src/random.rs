//! Random values and digests for tokens, codes and cookies.

use aws_lc_rs::{digest, rand};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// The operating system gave no random bytes.
#[derive(Debug, thiserror::Error)]
#[error("the operating system's random source failed; nothing can be issued without it")]
pub(crate) struct RandomSourceFailed;

/// 256 random bits as base64url.
pub(crate) fn random_value() -> Result<String, RandomSourceFailed> {
    let mut bytes = [0_u8; 32];
    rand::fill(&mut bytes).map_err(|_| RandomSourceFailed)?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}

/// What is kept of a token, code or cookie: its SHA-256, never the value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Fingerprint([u8; 32]);

impl Fingerprint {
    pub(crate) fn of(value: &str) -> Self {
        let mut bytes = [0_u8; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, value.as_bytes()).as_ref());
        Self(bytes)
    }

    /// The digest as base64url, as PKCE S256 writes it (RFC 7636 § 4.2).
    pub(crate) fn base64url(self) -> String {
        URL_SAFE_NO_PAD.encode(self.0)
    }

    /// The left half as base64url, as `at_hash` wants it (OpenID Connect Core § 3.1.3.6).
    pub(crate) fn left_half_base64url(self) -> String {
        let left: Vec<u8> = self.0.iter().take(16).copied().collect();
        URL_SAFE_NO_PAD.encode(left)
    }
}
