//! Verification of access tokens that are JWTs (RFC 9068 § 4), once, when they arrive.

use std::fmt;
use std::time::Duration;

use jsonwebtoken::{Algorithm, Validation};
use serde_json::{Map, Value};
use tokenbridge_bridge::service::Audience;
use tokenbridge_bridge::token::ServiceToken;
use tokenbridge_bridge::{Secret, UnixTime};

use crate::provider::keys::Keys;
use crate::tokens::response::scopes;

/// What clocks may differ by.
pub(crate) const SKEW: Duration = Duration::from_secs(60);
/// How long an answer takes at most, where clocks agree.
const TRAVEL: Duration = Duration::from_secs(10);
/// A token is not sent so late that it ends on its way to the upstream, whole seconds being what
/// the provider tells.
const ON_ITS_WAY: Duration = Duration::from_secs(1);

/// Signatures that are accepted: asymmetric ones alone, so that a public key is never a MAC key.
pub(crate) const ALGORITHMS: [Algorithm; 9] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::PS256,
    Algorithm::PS384,
    Algorithm::PS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// Why an access token is not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum TokenProblem {
    /// It names a key that the issuer did not have when it was last asked, or does not fit any.
    /// New keys may help.
    Key(&'static str),
    /// It is not what it must be.
    Invalid(String),
}

impl fmt::Display for TokenProblem {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(what) => formatter.write_str(what),
            Self::Invalid(what) => formatter.write_str(what),
        }
    }
}

/// What an access token is verified against.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) keys: &'a Keys,
    pub(crate) now: UnixTime,
    /// The life that the answer told, which does not depend on anybody's clock.
    pub(crate) expires_in: Option<Duration>,
}

/// What is said of a token whose `iss` is somebody else.
pub(crate) const OTHER_ISSUER: &str = "the access token's iss is not the issuer";

/// Verifies a token: signature, algorithm, `typ`, `iss`, `exp`, `nbf`. For whom it is, the
/// service's own audience policy judges.
///
/// # Errors
/// Why it is not used.
pub(crate) fn verify(token: &Secret, expected: Expected<'_>) -> Result<ServiceToken, TokenProblem> {
    let claims = verified_claims(token, expected.keys)?;
    if claims.get("iss").and_then(Value::as_str) != Some(expected.issuer) {
        return Err(invalid(OTHER_ISSUER));
    }
    let ends = time(&claims, "exp")?.ok_or_else(|| invalid("the access token has no exp"))?;
    let begins = time(&claims, "nbf")?.unwrap_or_default();
    if begins > expected.now.plus(SKEW) {
        return Err(invalid("the access token is not valid yet"));
    }
    let expires_at = usable_until(expected.now, expected.expires_in, ends)
        .ok_or_else(|| invalid("the access token has ended on arrival"))?;
    let scope = claims.get("scope").or_else(|| claims.get("scp"));
    Ok(ServiceToken {
        value: token.clone(),
        audiences: audiences(claims.get("aud"))?,
        scopes: scope.and_then(scopes).unwrap_or_default(),
        issued_at: expected.now,
        expires_at,
        forced: false,
    })
}

/// Until when a token is sent: [`ON_ITS_WAY`] before its end. `ends` is told by the provider's
/// clock, and counts as far as that agrees with ours; a life that the answer told starts when the
/// answer comes, which is later than the token was made.
fn usable_until(now: UnixTime, life: Option<Duration>, ends: UnixTime) -> Option<UnixTime> {
    let ends = match life {
        Some(life) if now.plus(life).since(ends) <= TRAVEL.min(life / 2) => {
            now.plus(life).min(ends)
        }
        Some(life) => now.plus(life).min(ends.plus(SKEW)),
        None => ends,
    };
    let last = ends.since(now).saturating_sub(ON_ITS_WAY);
    (now < ends).then(|| now.plus(last.max(Duration::from_secs(1))))
}

fn verified_claims(token: &Secret, keys: &Keys) -> Result<Map<String, Value>, TokenProblem> {
    let header = jsonwebtoken::decode_header(token.expose()).map_err(|_| {
        invalid("the access token is no JWT: it is opaque, or for the provider's own use")
    })?;
    if !ALGORITHMS.contains(&header.alg) {
        return Err(invalid("the access token's alg is not accepted"));
    }
    if header.crit.is_some() {
        return Err(invalid("the access token's header has crit"));
    }
    let typ = header.typ.as_deref().unwrap_or("JWT");
    let typ = typ.strip_prefix("application/").unwrap_or(typ);
    let typed = typ.eq_ignore_ascii_case("at+jwt");
    if !typed && !typ.eq_ignore_ascii_case("jwt") {
        return Err(invalid("the access token's typ is neither at+jwt nor JWT"));
    }
    if !keys.knows(header.kid.as_deref()) {
        return Err(TokenProblem::Key(
            "the access token names a key that the issuer does not have",
        ));
    }
    let validation = signature_alone(header.alg);
    let claims: Map<String, Value> = keys
        .candidates(header.kid.as_deref(), header.alg.family())
        .find_map(|key| jsonwebtoken::decode(token.expose(), key, &validation).ok())
        .map(|data| data.claims)
        .ok_or(TokenProblem::Key(
            "the access token's signature does not fit the issuer's keys",
        ))?;
    // Without the explicit type an ID token is told by claims that no access token has.
    let id_token = ["nonce", "at_hash", "c_hash"];
    match !typed && id_token.iter().any(|claim| claims.contains_key(*claim)) {
        true => Err(invalid("the access token is an ID token")),
        false => Ok(claims),
    }
}

/// Time and issuer are judged by the caller, by its own clock.
fn signature_alone(algorithm: Algorithm) -> Validation {
    let mut validation = Validation::new(algorithm);
    validation.validate_exp = false;
    validation.validate_nbf = false;
    validation.validate_aud = false;
    validation.set_required_spec_claims::<&str>(&[]);
    validation
}

pub(super) fn time(
    claims: &Map<String, Value>,
    name: &str,
) -> Result<Option<UnixTime>, TokenProblem> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    // NumericDate may have a fraction (RFC 7519 § 2).
    let seconds = value.as_u64().or_else(|| {
        value
            .as_f64()
            .filter(|seconds| *seconds >= 0.0)
            .map(|seconds| seconds as u64)
    });
    seconds
        .map(|seconds| Some(UnixTime::from_seconds(seconds)))
        .ok_or_else(|| TokenProblem::Invalid(format!("the access token's {name} is no time")))
}

/// `aud` as a string, an array, or not there.
pub(super) fn audiences(value: Option<&Value>) -> Result<Vec<Audience>, TokenProblem> {
    let wrong = || invalid("the access token's aud is neither a string nor an array of strings");
    match value {
        None | Some(Value::Null) => Ok(Vec::new()),
        Some(Value::String(text)) => Ok(vec![Audience::new(text)]),
        Some(Value::Array(values)) => values
            .iter()
            .map(|value| value.as_str().map(Audience::new).ok_or_else(wrong))
            .collect(),
        Some(_) => Err(wrong()),
    }
}

fn invalid(what: &str) -> TokenProblem {
    TokenProblem::Invalid(what.into())
}

#[cfg(test)]
mod tests;
