//! Whether a token is good for this backend: signature, `iss`, `exp`, and its own `aud`.

use http::{HeaderMap, header};
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use reqwest::Client;
use serde_json::{Map, Value};

use super::issuer_keys::IssuerKeys;
use super::rejection::Rejection;
use crate::clock::Clock;
use crate::provider::bearer;
use crate::secret::Secret;

/// Algorithms of public keys; a token may not choose another (RFC 8725 § 3.1).
const ALGORITHMS: [Algorithm; 5] = [
    Algorithm::RS256,
    Algorithm::PS256,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// How a backend asks the issuer about tokens that it cannot read (RFC 7662).
#[derive(Clone, Debug)]
pub struct Introspection {
    /// The introspection endpoint.
    pub endpoint: String,
    /// The id under which the backend asks.
    pub client_id: String,
    /// The secret that goes with it.
    pub client_secret: Secret,
}

/// The verifier of one backend.
pub(crate) struct Verifier {
    pub(crate) client: Client,
    pub(crate) keys: IssuerKeys,
    pub(crate) issuer: String,
    pub(crate) audience: String,
    pub(crate) clock: Clock,
    pub(crate) introspection: Option<Introspection>,
}

impl Verifier {
    /// The claims of the request's token.
    pub(crate) async fn verify(
        &self,
        headers: &HeaderMap,
    ) -> Result<Map<String, Value>, Rejection> {
        if headers.get_all(header::AUTHORIZATION).iter().count() > 1 {
            return Err(Rejection::Repeated);
        }
        let token = bearer(headers).ok_or(Rejection::Missing)?;
        let claims = match &self.introspection {
            Some(introspection) if !token.contains('.') => {
                self.introspect(introspection, token).await?
            }
            Some(_) | None => self.verify_signature(token).await?,
        };
        self.check(&claims)?;
        Ok(claims)
    }

    async fn verify_signature(&self, token: &str) -> Result<Map<String, Value>, Rejection> {
        let header = jsonwebtoken::decode_header(token).map_err(|_| Rejection::Unreadable)?;
        if !ALGORITHMS.contains(&header.alg) {
            return Err(Rejection::Algorithm);
        }
        let id = header.kid.ok_or(Rejection::UnknownKey)?;
        let key = self.keys.find(&id).await?;
        let key = DecodingKey::from_jwk(&key).map_err(|_| Rejection::Algorithm)?;
        let mut validation = Validation::new(header.alg);
        // Everything but the signature is checked below, by our own clock and without leeway.
        validation.validate_exp = false;
        validation.validate_aud = false;
        validation.required_spec_claims.clear();
        jsonwebtoken::decode(token, &key, &validation)
            .map(|verified| verified.claims)
            .map_err(|_| Rejection::Signature)
    }

    async fn introspect(
        &self,
        introspection: &Introspection,
        token: &str,
    ) -> Result<Map<String, Value>, Rejection> {
        let unavailable = |error: reqwest::Error| Rejection::IssuerUnavailable(error.to_string());
        let secret = introspection.client_secret.expose();
        let response = self
            .client
            .post(&introspection.endpoint)
            .basic_auth(&introspection.client_id, Some(secret))
            .form(&[("token", token)])
            .send()
            .await
            .and_then(reqwest::Response::error_for_status)
            .map_err(unavailable)?;
        let claims: Map<String, Value> = response.json().await.map_err(unavailable)?;
        match claims.get("active") {
            Some(Value::Bool(true)) => Ok(claims),
            Some(_) | None => Err(Rejection::Inactive),
        }
    }

    fn check(&self, claims: &Map<String, Value>) -> Result<(), Rejection> {
        let claim = |name: &str| claims.get(name).cloned().unwrap_or_default();
        let issuer = claim("iss");
        if issuer.as_str() != Some(&self.issuer) {
            return Err(Rejection::Issuer {
                found: issuer,
                expected: self.issuer.clone(),
            });
        }
        let now = self.clock.now().as_secs();
        if claim("exp")
            .as_u64()
            .is_none_or(|expires_at| expires_at <= now)
        {
            return Err(Rejection::Expired);
        }
        let audience = claim("aud");
        let own = match &audience {
            Value::String(one) => *one == self.audience,
            Value::Array(many) => many.iter().any(|one| one.as_str() == Some(&self.audience)),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => false,
        };
        if own {
            Ok(())
        } else {
            Err(Rejection::Audience {
                found: audience,
                expected: self.audience.clone(),
            })
        }
    }
}
