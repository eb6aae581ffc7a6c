//! An issuer with a key of its own, for tests.

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde_json::{Value, json};
use tokenbridge_bridge::Secret;

use crate::provider::keys::Keys;

pub(crate) const ISSUER: &str = "https://idp";
pub(crate) const NOW: u64 = 10_000;

/// Signs with ES256 under the key id `k`.
pub(crate) struct Signer {
    key: EncodingKey,
    pub(crate) keys: Keys,
    /// The public key as it is.
    pub(crate) public: Vec<u8>,
}

impl Signer {
    pub(crate) fn new() -> Self {
        let random = aws_lc_rs::rand::SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let pair = EcdsaKeyPair::from_pkcs8(algorithm, pkcs8.as_ref()).unwrap();
        let point = pair.public_key().as_ref().to_vec();
        let coordinate = |range| URL_SAFE_NO_PAD.encode(point.get(range).unwrap());
        let set = json!({"keys": [{
            "kty": "EC", "crv": "P-256", "kid": "k",
            "x": coordinate(1..33), "y": coordinate(33..65),
        }]});
        Self {
            key: EncodingKey::from_ec_der(pkcs8.as_ref()),
            keys: Keys::read(set.to_string().as_bytes()).unwrap(),
            public: point,
        }
    }

    pub(crate) fn sign(&self, typ: Option<&str>, kid: Option<&str>, claims: &Value) -> Secret {
        let mut header = Header::new(Algorithm::ES256);
        header.typ = typ.map(Into::into);
        header.kid = kid.map(Into::into);
        Secret::new(jsonwebtoken::encode(&header, claims, &self.key).unwrap())
    }
}
