//! What reached the backend as `Authorization`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use crate::Outcome;
use crate::gateway::AUDIENCE;

/// The claims of a bearer that reached the backend.
///
/// # Errors
/// There is none.
pub fn claims(bearer: &str, user: &str) -> Outcome<serde_json::Value> {
    let payload = bearer.strip_prefix("Bearer ");
    let payload = payload.and_then(|token| token.split('.').nth(1));
    let payload = payload.ok_or_else(|| format!("no token of {user} reached the backend"))?;
    Ok(serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload)?)?)
}

/// Checks a bearer that reached the backend.
///
/// # Errors
/// It is not this user's, or not for the service.
pub fn check_token(bearer: &str, user: &str) -> Outcome<()> {
    let claims = claims(bearer, user)?;
    let is = |name: &str, wanted: &str| {
        claims.get(name).is_some_and(|value| match value {
            serde_json::Value::Array(values) => values.iter().any(|value| value == wanted),
            value => value == wanted,
        })
    };
    match is("sub", user) && is("aud", AUDIENCE) {
        true => Ok(()),
        false => {
            Err(format!("the token that reached the backend is not {user}'s for {AUDIENCE}").into())
        }
    }
}
