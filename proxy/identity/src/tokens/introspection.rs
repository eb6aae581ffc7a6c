//! What an introspection says of a token (RFC 7662 § 2.2): no I/O.

use std::time::Duration;

use serde_json::{Map, Value};
use tokenbridge_bridge::token::ServiceToken;
use tokenbridge_bridge::{Secret, UnixTime};

use crate::tokens::access_token::{SKEW, audiences, time};
use crate::tokens::response::scopes;

/// What a token is judged by.
#[derive(Clone, Copy)]
pub(crate) struct Expected<'a> {
    pub(crate) issuer: &'a str,
    pub(crate) now: UnixTime,
    /// The life that the token response told.
    pub(crate) expires_in: Option<Duration>,
}

/// Reads an answer with status 200. For whom the token is, the service's own audience policy
/// judges.
///
/// # Errors
/// Why the token is not used.
pub(crate) fn read(
    token: &Secret,
    body: &[u8],
    expected: Expected<'_>,
) -> Result<ServiceToken, String> {
    let Expected {
        issuer,
        now,
        expires_in,
    } = expected;
    let claims: Map<String, Value> = serde_json::from_slice(body)
        .map_err(|_| "the introspection's answer is no JSON object".to_owned())?;
    if claims.get("active") != Some(&Value::Bool(true)) {
        return Err(
            "by introspection the token is not active; some providers tell that only to a \
                    client that is among its audiences"
                .into(),
        );
    }
    if claims
        .get("iss")
        .is_some_and(|named| named.as_str() != Some(issuer))
    {
        return Err("by introspection the token's iss is not the issuer".into());
    }
    let told = |name: &str| time(&claims, name).map_err(|problem| problem.to_string());
    if told("nbf")?.unwrap_or_default() > now.plus(SKEW) {
        return Err("by introspection the token is not valid yet".into());
    }
    let expires_at = match (expires_in, told("exp")?) {
        (Some(life), Some(ends)) => now.plus(life).min(ends.plus(SKEW)),
        (Some(life), None) => now.plus(life),
        (None, Some(ends)) => ends,
        (None, None) => {
            return Err(
                "neither expires_in nor the introspection tells when the token ends".into(),
            );
        }
    };
    if expires_at <= now {
        return Err("the token has ended on arrival".into());
    }
    Ok(ServiceToken {
        value: token.clone(),
        audiences: audiences(claims.get("aud")).map_err(|problem| problem.to_string())?,
        scopes: claims.get("scope").and_then(scopes).unwrap_or_default(),
        issued_at: now,
        expires_at,
        forced: false,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: u64 = 1_000_000;

    fn read(body: &str, expires_in: Option<u64>) -> Result<ServiceToken, String> {
        let expected = Expected {
            issuer: "https://idp.example",
            now: UnixTime::from_seconds(NOW),
            expires_in: expires_in.map(Duration::from_secs),
        };
        super::read(&Secret::new("opaque"), body.as_bytes(), expected)
    }

    #[test]
    fn an_active_token_has_audience_scope_and_end_of_the_answer() {
        let body = r#"{"active":true,"aud":["a","b"],"scope":"x y","exp":1000300,"iss":"https://idp.example"}"#;
        for (expires_in, ends) in [(None, 300), (Some(200), 200), (Some(900), 360)] {
            let token = read(body, expires_in).unwrap();
            assert_eq!(token.expires_at, UnixTime::from_seconds(NOW + ends));
            assert_eq!(token.scopes, ["x", "y"]);
            let audiences: Vec<&str> = token.audiences.iter().map(|one| one.as_str()).collect();
            assert_eq!(audiences, ["a", "b"]);
        }
        let bare = read(r#"{"active":true}"#, Some(60)).unwrap();
        assert!(bare.audiences.is_empty(), "the audience check refuses it");
        assert_eq!(bare.expires_at, UnixTime::from_seconds(NOW + 60));
    }

    #[test]
    fn anything_else_is_no_usable_token() {
        for (body, word) in [
            ("", "no JSON object"),
            ("[]", "no JSON object"),
            ("{}", "not active"),
            (r#"{"active":false}"#, "not active"),
            (r#"{"active":"true"}"#, "not active"),
            (r#"{"active":true,"exp":999999}"#, "ended on arrival"),
            (r#"{"active":true,"exp":"soon"}"#, "no time"),
            (r#"{"active":true}"#, "neither"),
            (
                r#"{"active":true,"exp":1000300,"nbf":1000061}"#,
                "not valid yet",
            ),
            (r#"{"active":true,"exp":1000300,"aud":7}"#, "aud"),
            (
                r#"{"active":true,"exp":1000300,"iss":"https://evil.example"}"#,
                "iss",
            ),
            (r#"{"active":true,"exp":1000300,"iss":null}"#, "iss"),
        ] {
            let problem = read(body, None).unwrap_err();
            assert!(problem.contains(word), "{body}: {problem}");
        }
    }
}
