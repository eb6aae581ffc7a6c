//! The provider's signing keys, in the two forms that ID tokens and access tokens are verified with.

use jsonwebtoken::jwk::{AlgorithmParameters, Jwk, PublicKeyUse};
use jsonwebtoken::{AlgorithmFamily, DecodingKey};
use openidconnect::core::{CoreJsonWebKey, CoreJsonWebKeySet};
use serde::Deserialize;

/// More keys than any provider has.
const MAX_KEYS: usize = 64;

/// A key set (RFC 7517 § 5), without keys that cannot or must not verify a signature.
pub(crate) struct Keys {
    pub(crate) for_id_tokens: CoreJsonWebKeySet,
    for_access_tokens: Vec<SigningKey>,
}

struct SigningKey {
    id: Option<String>,
    key: DecodingKey,
}

#[derive(Deserialize)]
struct Document {
    keys: Vec<serde_json::Value>,
}

impl Keys {
    /// Reads a key set. A key that is not understood is left out: it may be for another use.
    ///
    /// # Errors
    /// It is no key set, or holds no key that can verify a signature.
    pub(crate) fn read(body: &[u8]) -> Result<Self, String> {
        let document: Document = serde_json::from_slice(body)
            .map_err(|error| format!("the provider's keys cannot be read: {error}"))?;
        let mut for_access_tokens = Vec::new();
        let mut for_id_tokens = Vec::new();
        for value in document.keys.into_iter().take(MAX_KEYS) {
            let Some(key) = signing_key(&value) else {
                continue;
            };
            for_access_tokens.push(key);
            for_id_tokens.extend(serde_json::from_value::<CoreJsonWebKey>(value).ok());
        }
        if for_access_tokens.is_empty() {
            return Err("the provider's key set holds no key that can verify a signature".into());
        }
        Ok(Self {
            for_id_tokens: CoreJsonWebKeySet::new(for_id_tokens),
            for_access_tokens,
        })
    }

    /// Whether a token that names this key could be verified.
    pub(crate) fn knows(&self, id: Option<&str>) -> bool {
        id.is_none()
            || self
                .for_access_tokens
                .iter()
                .any(|key| key.id.as_deref() == id)
    }

    /// The keys that a token may have been signed with.
    pub(crate) fn candidates(
        &self,
        id: Option<&str>,
        family: AlgorithmFamily,
    ) -> impl Iterator<Item = &DecodingKey> {
        self.for_access_tokens
            .iter()
            .filter(move |key| id.is_none() || key.id.as_deref() == id)
            .map(|key| &key.key)
            .filter(move |key| key.family() == family)
    }
}

fn signing_key(value: &serde_json::Value) -> Option<SigningKey> {
    let jwk = Jwk::deserialize(value).ok()?;
    let encrypts = matches!(jwk.common.public_key_use, Some(PublicKeyUse::Encryption));
    let asymmetric = matches!(
        jwk.algorithm,
        AlgorithmParameters::RSA(_)
            | AlgorithmParameters::EllipticCurve(_)
            | AlgorithmParameters::OctetKeyPair(_)
    );
    if encrypts || !asymmetric {
        return None;
    }
    let key = DecodingKey::from_jwk(&jwk).ok()?;
    Some(SigningKey {
        id: jwk.common.key_id,
        key,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const N: &str = "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw";

    #[test]
    fn only_keys_that_verify_signatures_are_kept() {
        let body = serde_json::json!({"keys": [
            {"kty": "RSA", "kid": "a", "n": N, "e": "AQAB", "use": "sig", "alg": "RS256"},
            {"kty": "RSA", "kid": "enc", "n": N, "e": "AQAB", "use": "enc"},
            {"kty": "oct", "kid": "hmac", "k": "c2VjcmV0"},
            {"kty": "LMS", "kid": "odd"},
            "nonsense",
        ]});
        let keys = Keys::read(body.to_string().as_bytes()).unwrap();
        for (id, known) in [("a", true), ("enc", false), ("hmac", false), ("odd", false)] {
            assert_eq!(keys.knows(Some(id)), known, "{id}");
        }
        assert_eq!(keys.candidates(None, AlgorithmFamily::Rsa).count(), 1);
        assert_eq!(keys.candidates(None, AlgorithmFamily::Hmac).count(), 0);
        assert_eq!(keys.for_id_tokens.keys().len(), 1);
    }

    #[test]
    fn a_set_without_a_usable_key_is_refused() {
        for body in [
            "",
            "{}",
            "[]",
            r#"{"keys":[]}"#,
            r#"{"keys":[{"kty":"oct","k":"AA"}]}"#,
        ] {
            assert!(Keys::read(body.as_bytes()).is_err(), "{body}");
        }
    }
}
