//! The provider's signing keys: one signs, those of before stay published.

use std::sync::{Arc, Mutex};

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Map, Value, json};

use crate::locked::locked;
use crate::random::Fingerprint;
use crate::server::StartError;

/// How many keys of before stay published.
const PUBLISHED_KEYS: usize = 8;

/// The key did not sign.
#[derive(Debug, thiserror::Error)]
#[error("the provider's key did not sign")]
pub(crate) struct SigningFailed;

/// An RSA key of 2048 bits for RS256 with its published half.
pub(crate) struct SigningKey {
    pair: RsaKeyPair,
    id: String,
    modulus: String,
    exponent: String,
}

impl SigningKey {
    /// Makes a key. This takes a core for some ten milliseconds.
    pub(crate) fn generate() -> Result<Self, StartError> {
        let pair = RsaKeyPair::generate(KeySize::Rsa2048)
            .map_err(|_| StartError::Machine("an RSA key could not be made"))?;
        let public = pair.public_key();
        let modulus = URL_SAFE_NO_PAD.encode(public.modulus().big_endian_without_leading_zero());
        let exponent = URL_SAFE_NO_PAD.encode(public.exponent().big_endian_without_leading_zero());
        // The key's thumbprint (RFC 7638).
        let canonical = format!(r#"{{"e":"{exponent}","kty":"RSA","n":"{modulus}"}}"#);
        Ok(Self {
            id: Fingerprint::of(&canonical).base64url(),
            pair,
            modulus,
            exponent,
        })
    }

    /// Signs claims as a JWT with that `typ`.
    pub(crate) fn sign(
        &self,
        typ: &str,
        claims: &Map<String, Value>,
    ) -> Result<String, SigningFailed> {
        let header = json!({"alg": "RS256", "typ": typ, "kid": self.id});
        let message = unsigned(&header, claims);
        let mut signature = vec![0; self.pair.public_modulus_len()];
        self.pair
            .sign(
                &RSA_PKCS1_SHA256,
                &SystemRandom::new(),
                message.as_bytes(),
                &mut signature,
            )
            .map_err(|_| SigningFailed)?;
        Ok(format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// The same key under a false id.
    pub(crate) fn under_id(self, id: String) -> Self {
        Self { id, ..self }
    }

    /// The published half (RFC 7517).
    pub(crate) fn jwk(&self) -> Value {
        json!({
            "kty": "RSA", "use": "sig", "alg": "RS256",
            "kid": self.id, "n": self.modulus, "e": self.exponent,
        })
    }
}

/// Header and claims as the first two parts of a JWT.
pub(crate) fn unsigned(header: &Value, claims: &Map<String, Value>) -> String {
    let claims = Value::Object(claims.clone()).to_string();
    format!(
        "{}.{}",
        URL_SAFE_NO_PAD.encode(header.to_string()),
        URL_SAFE_NO_PAD.encode(claims)
    )
}

/// The keys, the newest first.
pub(crate) struct KeyRing(Mutex<Vec<Arc<SigningKey>>>);

impl KeyRing {
    pub(crate) fn generate() -> Result<Self, StartError> {
        Ok(Self(Mutex::new(vec![Arc::new(SigningKey::generate()?)])))
    }

    /// A new key signs from now on; the old ones stay published.
    pub(crate) fn rotate(&self, key: SigningKey) {
        let mut keys = locked(&self.0);
        keys.insert(0, Arc::new(key));
        keys.truncate(PUBLISHED_KEYS);
    }

    /// Signs with the newest key.
    pub(crate) fn sign(
        &self,
        typ: &str,
        claims: &Map<String, Value>,
    ) -> Result<String, SigningFailed> {
        let newest = locked(&self.0).first().cloned();
        newest.ok_or(SigningFailed)?.sign(typ, claims)
    }

    /// The id of the key that signs.
    pub(crate) fn newest_id(&self) -> Option<String> {
        locked(&self.0).first().map(|key| key.id.clone())
    }

    /// The JWK set.
    pub(crate) fn jwks(&self) -> Value {
        let keys: Vec<Value> = locked(&self.0).iter().map(|key| key.jwk()).collect();
        json!({ "keys": keys })
    }

    /// The claims of a JWT that one of the keys signed, whatever its age and audience.
    pub(crate) fn claims_of(&self, token: &str) -> Option<Map<String, Value>> {
        let id = jsonwebtoken::decode_header(token).ok()?.kid?;
        let key = locked(&self.0).iter().find(|key| key.id == id).cloned()?;
        let key = DecodingKey::from_rsa_components(&key.modulus, &key.exponent).ok()?;
        let mut validation = Validation::new(jsonwebtoken::Algorithm::RS256);
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        let verified = jsonwebtoken::decode::<Map<String, Value>>(token, &key, &validation);
        verified.ok().map(|verified| verified.claims)
    }
}
