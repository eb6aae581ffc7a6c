//! The private key with which the client signs its assertions (`private_key_jwt`, RFC 7523 § 2.2).

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use serde::Serialize;
use tokenbridge_bridge::Secret;

/// What to do where it cannot be read.
pub const FIX: &str = "name a PEM file with a private key: RSA, EC on P-256 or P-384, or Ed25519";

#[derive(Serialize)]
struct NoClaims {}

/// Reads the key, in PEM, and finds the algorithm that it signs with.
///
/// # Errors
/// What is wrong with it, continuing a sentence that begins with the file.
pub fn read(pem: &Secret) -> Result<(Algorithm, EncodingKey), String> {
    let bytes = pem.expose().as_bytes();
    if let Ok(key) = EncodingKey::from_rsa_pem(bytes) {
        return Ok((Algorithm::RS256, key));
    }
    if let Ok(key) = EncodingKey::from_ec_pem(bytes) {
        // Which curve it is on shows only when it signs.
        let fits =
            |algorithm| jsonwebtoken::encode(&Header::new(algorithm), &NoClaims {}, &key).is_ok();
        return [Algorithm::ES256, Algorithm::ES384]
            .into_iter()
            .find(|algorithm| fits(*algorithm))
            .map(|algorithm| (algorithm, key.clone()))
            .ok_or_else(|| "holds an EC key on a curve that is not supported".into());
    }
    EncodingKey::from_ed_pem(bytes)
        .map(|key| (Algorithm::EdDSA, key))
        .map_err(|_| "holds no private key that can be read".into())
}
