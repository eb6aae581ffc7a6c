//! Subject tokens of other issuers (RFC 8693 § 2.1): verified by their keys, then exchanged like
//! tokens of our own.

use std::time::Duration;

use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde_json::{Map, Value};

use crate::backend::issuer_keys::IssuerKeys;
use crate::http_client::http_client;
use crate::provider::ledger::AccessToken;
use crate::provider::parameters::Parameters;
use crate::provider::state::Provider;

/// Stands for the client of a token that another issuer gave.
pub(super) const ANY_CLIENT: &str = "";

impl Provider {
    /// Takes the subject token of a request into our own books, if a trusted issuer made it. What
    /// is wrong with it shows when it is looked for there.
    pub(super) async fn adopt_subject(&self, parameters: &Parameters) {
        let trusted = &self.configuration.development.trusted_issuers;
        let Some(token) = parameters.values("subject_token").next() else {
            return;
        };
        if trusted.is_empty() {
            return;
        }
        let Some(claims) = verified(token, trusted).await else {
            return;
        };
        let expires_at = claims.get("exp").and_then(Value::as_u64);
        let entry = AccessToken {
            repeated: None,
            grant: None,
            client_id: ANY_CLIENT.to_owned(),
            claims,
            expires_at: Duration::from_secs(expires_at.unwrap_or_default()),
            revoked: false,
        };
        let now = self.now();
        self.ledger().keep_access_token(token, entry, now);
    }
}

async fn verified(token: &str, trusted: &[String]) -> Option<Map<String, Value>> {
    let header = jsonwebtoken::decode_header(token).ok()?;
    let unverified: Map<String, Value> =
        jsonwebtoken::dangerous::insecure_decode(token).ok()?.claims;
    let issuer = unverified.get("iss")?.as_str()?;
    if header.alg != Algorithm::RS256 || !trusted.iter().any(|known| known == issuer) {
        return None;
    }
    let keys = IssuerKeys::new(http_client().ok()?, issuer.to_owned(), None);
    let key = keys.find(&header.kid?).await.ok()?;
    let key = DecodingKey::from_jwk(&key).ok()?;
    let mut validation = Validation::new(Algorithm::RS256);
    // Its end is judged by our own clock when it is used.
    validation.validate_exp = false;
    validation.validate_aud = false;
    validation.required_spec_claims.clear();
    let verified = jsonwebtoken::decode(token, &key, &validation).ok()?;
    Some(verified.claims)
}
