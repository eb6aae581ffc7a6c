//! Finding what was given out in texts where it must not be.

use super::Ledger;
use crate::random::Fingerprint;

impl Ledger {
    /// What a word is, if the provider gave it out and still remembers it.
    fn kind_of(&self, word: &str) -> Option<&'static str> {
        let fingerprint = Fingerprint::of(word);
        if self.codes.contains_key(&fingerprint) {
            Some("an authorization code")
        } else if self.refresh_tokens.contains_key(&fingerprint) {
            Some("a refresh token")
        } else if self.access_tokens.contains_key(&fingerprint) {
            Some("an access token")
        } else {
            None
        }
    }

    /// What a text holds of all that was given out. Anything that has the form of a JWT counts,
    /// for ID tokens are not remembered.
    pub(crate) fn find_in(&self, text: &str) -> Vec<&'static str> {
        let of_a_token =
            |character: char| character.is_ascii_alphanumeric() || "-_.".contains(character);
        let words = text
            .split(|character| !of_a_token(character))
            .filter(|word| word.len() >= 16);
        words
            .filter_map(|word| {
                if is_jwt(word) {
                    Some("a JWT")
                } else {
                    self.kind_of(word)
                }
            })
            .collect()
    }
}

/// Three parts, the first of which is a JSON object in base64url, and a signature.
fn is_jwt(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    matches!(parts.as_slice(), [header, payload, signature]
        if header.starts_with("eyJ") && payload.starts_with("eyJ") && signature.len() >= 40)
}
