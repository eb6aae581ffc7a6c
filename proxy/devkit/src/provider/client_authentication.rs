//! Who is asking: client_secret_basic, client_secret_post or private_key_jwt.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, header};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation};
use serde::Deserialize;
use std::time::Duration;
use url::form_urlencoded;

use super::grant_type::GrantType;
use super::oauth_error::{ErrorCode, OAuthError};
use super::parameters::Parameters;
use super::state::Provider;
use crate::configuration::{Client, ClientAuthentication};
use crate::random::Fingerprint;
use crate::secret::Secret;

const JWT_BEARER: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// An assertion that lives longer is no proof of the moment (RFC 7523 § 3 leaves it to us).
const LONGEST_ASSERTION: Duration = Duration::from_secs(600);

/// A client that has proven who it is.
pub(crate) struct AuthenticatedClient<'a> {
    pub(crate) id: String,
    pub(crate) settings: &'a Client,
    pub(crate) method: ClientAuthentication,
}

impl AuthenticatedClient<'_> {
    /// Whether `grant_types` of `clients.yaml` has this one.
    pub(crate) fn may_use(&self, grant_type: GrantType) -> Result<(), OAuthError> {
        match &self.settings.grant_types {
            Some(allowed) if !allowed.iter().any(|name| name == grant_type.name()) => {
                Err(OAuthError::new(
                    ErrorCode::UnauthorizedClient,
                    format!("grant_types of {} lacks {}", self.id, grant_type.name()),
                ))
            }
            Some(_) | None => Ok(()),
        }
    }
}

/// What a request presents as proof.
enum Proof {
    Basic(String, Secret),
    Post(String, Secret),
    Assertion(String),
}

/// The claims of a client assertion (RFC 7523 § 3).
#[derive(Deserialize)]
struct Assertion {
    iss: String,
    sub: String,
    aud: Audience,
    exp: u64,
    jti: String,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Provider {
    pub(crate) fn authenticate_client(
        &self,
        headers: &HeaderMap,
        parameters: &Parameters,
    ) -> Result<AuthenticatedClient<'_>, OAuthError> {
        let (id, method) = match read_proof(headers, parameters)? {
            Proof::Basic(id, secret) => {
                self.check_secret(&id, &secret)?;
                (id, ClientAuthentication::ClientSecretBasic)
            }
            Proof::Post(id, secret) => {
                self.check_secret(&id, &secret)?;
                (id, ClientAuthentication::ClientSecretPost)
            }
            Proof::Assertion(assertion) => {
                let id = self.check_assertion(&assertion)?;
                (id, ClientAuthentication::PrivateKeyJwt)
            }
        };
        if parameters
            .one("client_id")?
            .is_some_and(|named| named != id)
        {
            return Err(refused("client_id is not the client that authenticated"));
        }
        let settings = self.client(&id)?;
        match settings.token_endpoint_auth_method {
            Some(wanted) if wanted != method => Err(refused(&format!(
                "{id} is registered for {}",
                wanted.name()
            ))),
            Some(_) | None => Ok(AuthenticatedClient {
                id,
                settings,
                method,
            }),
        }
    }

    fn client(&self, id: &str) -> Result<&Client, OAuthError> {
        let known = self.configuration.clients.get(id);
        known.ok_or_else(|| refused("the client is unknown or its proof is wrong"))
    }

    fn check_secret(&self, id: &str, given: &Secret) -> Result<(), OAuthError> {
        let development = Secret::new(Client::DEVELOPMENT_SECRET);
        let configured = self.client(id)?.client_secret.as_ref();
        if configured.unwrap_or(&development).matches(given.expose()) {
            Ok(())
        } else {
            Err(refused("the client is unknown or its proof is wrong"))
        }
    }

    /// The client that signed an assertion.
    fn check_assertion(&self, assertion: &str) -> Result<String, OAuthError> {
        // Read unverified only to know whose keys to verify it with.
        let unverified: Assertion = jsonwebtoken::dangerous::insecure_decode(assertion)
            .map_err(|_| refused("client_assertion is not a JWT with iss, sub, aud, exp and jti"))?
            .claims;
        let keys = self.client(&unverified.sub)?.jwks.as_ref();
        let keys = keys.ok_or_else(|| refused("clients.yaml has no jwks for this client"))?;
        let claims = verify_assertion(assertion, keys)?;
        if claims.iss != claims.sub {
            return Err(refused("iss and sub of client_assertion differ"));
        }
        let own = [self.issuer.clone(), self.url("/token")];
        let meant = match &claims.aud {
            Audience::One(audience) => own.contains(audience),
            Audience::Many(audiences) => audiences.iter().any(|audience| own.contains(audience)),
        };
        if !meant {
            return Err(refused("aud of client_assertion is not this provider"));
        }
        self.check_age(&claims)?;
        Ok(claims.sub)
    }

    fn check_age(&self, claims: &Assertion) -> Result<(), OAuthError> {
        let now = self.now();
        let expires_at = Duration::from_secs(claims.exp);
        if expires_at <= now {
            return Err(refused("client_assertion has expired"));
        }
        if expires_at > now + LONGEST_ASSERTION {
            return Err(refused("client_assertion lives for more than ten minutes"));
        }
        let fingerprint = Fingerprint::of(&format!("{} {}", claims.sub, claims.jti));
        let first = self
            .ledger()
            .first_use_of_assertion(fingerprint, expires_at, now);
        if first || self.client(&claims.sub)?.reusable_assertions {
            Ok(())
        } else {
            Err(refused("client_assertion was used before: jti must be new"))
        }
    }
}

fn refused(reason: &str) -> OAuthError {
    OAuthError::new(ErrorCode::InvalidClient, reason)
}

/// The one proof of a request; two are an error (RFC 6749 § 2.3).
fn read_proof(headers: &HeaderMap, parameters: &Parameters) -> Result<Proof, OAuthError> {
    let basic = headers.get(header::AUTHORIZATION);
    let secret = parameters.one("client_secret")?;
    let assertion = parameters.one("client_assertion")?;
    match (basic, secret, assertion) {
        (Some(value), None, None) => read_basic(value.as_bytes()),
        (None, Some(secret), None) => {
            let id = parameters.required("client_id")?;
            Ok(Proof::Post(id.to_owned(), Secret::new(secret)))
        }
        (None, None, Some(assertion)) => {
            if parameters.required("client_assertion_type")? == JWT_BEARER {
                Ok(Proof::Assertion(assertion.to_owned()))
            } else {
                Err(refused("client_assertion_type is not jwt-bearer"))
            }
        }
        (None, None, None) => Err(refused("the client did not authenticate")),
        _ => Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "the client authenticated in more than one way",
        )),
    }
}

/// RFC 6749 § 2.3.1: both halves are form-encoded before they go into HTTP Basic.
fn read_basic(value: &[u8]) -> Result<Proof, OAuthError> {
    let unreadable = || refused("the Authorization header is not HTTP Basic with id and secret");
    let text = std::str::from_utf8(value).map_err(|_| unreadable())?;
    let (scheme, encoded) = text.split_once(' ').ok_or_else(unreadable)?;
    if !scheme.eq_ignore_ascii_case("basic") {
        return Err(unreadable());
    }
    let decoded = STANDARD.decode(encoded.trim()).map_err(|_| unreadable())?;
    let decoded = String::from_utf8(decoded).map_err(|_| unreadable())?;
    let (id, secret) = decoded.split_once(':').ok_or_else(unreadable)?;
    Ok(Proof::Basic(
        form_decoded(id),
        Secret::new(form_decoded(secret)),
    ))
}

/// Clients that do not encode may have `=` and `&` in there as they are.
fn form_decoded(half: &str) -> String {
    let protected = half.replace('&', "%26").replace('=', "%3D");
    let mut pairs = form_urlencoded::parse(protected.as_bytes());
    pairs
        .next()
        .map_or_else(String::new, |(name, _)| name.into_owned())
}

fn verify_assertion(assertion: &str, keys: &JwkSet) -> Result<Assertion, OAuthError> {
    let header = jsonwebtoken::decode_header(assertion)
        .map_err(|_| refused("client_assertion has no readable header"))?;
    let symmetric = matches!(
        header.alg,
        Algorithm::HS256 | Algorithm::HS384 | Algorithm::HS512
    );
    if symmetric {
        return Err(refused("client_assertion is not signed by a private key"));
    }
    let mut validation = Validation::new(header.alg);
    // Age and audience are checked against our own clock and names.
    validation.validate_exp = false;
    validation.validate_aud = false;
    let candidates = keys.keys.iter().filter(|key| {
        header.kid.is_none() || key.common.key_id.is_none() || key.common.key_id == header.kid
    });
    for key in candidates {
        let verified = DecodingKey::from_jwk(key)
            .and_then(|key| jsonwebtoken::decode::<Assertion>(assertion, &key, &validation));
        if let Ok(verified) = verified {
            return Ok(verified.claims);
        }
    }
    Err(refused(
        "no key of the client's jwks signed client_assertion",
    ))
}
