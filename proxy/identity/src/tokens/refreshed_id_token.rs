//! ID tokens that come with a refresh (OpenID Connect Core § 12.2).
//!
//! They came over the token endpoint's own connection, and nothing is built on them but two
//! things: whether the answer belongs to the session's user at all, and the `id_token_hint`. So
//! their claims are read without keys: fetching keys would come before the rotated refresh token
//! is stored.

use serde::Deserialize;
use tokenbridge_bridge::Secret;
use tokenbridge_bridge::session::SessionFacts;

/// What a refreshed ID token is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is the session's: the newest hint.
    Same,
    /// It cannot be read, or its nonce is another login's: it is not kept.
    Unusable,
    /// It names another user or another session of the provider.
    Foreign(&'static str),
}

#[derive(Deserialize)]
struct Claims {
    iss: Option<String>,
    sub: Option<String>,
    sid: Option<String>,
    nonce: Option<String>,
}

/// Judges a refreshed ID token by the session's facts and by the ID token before it.
pub(crate) fn judge(token: &Secret, facts: &SessionFacts, previous: Option<&Secret>) -> Verdict {
    let Some(claims) = claims(token) else {
        return Verdict::Unusable;
    };
    if claims.iss.as_deref() != Some(facts.subject.issuer.as_str()) {
        return Verdict::Foreign("iss");
    }
    if claims.sub.as_deref() != Some(facts.subject.subject.as_str()) {
        return Verdict::Foreign("sub");
    }
    if let (Some(came), Some(known)) = (&claims.sid, &facts.idp_session)
        && came != known
    {
        return Verdict::Foreign("sid");
    }
    let before = previous
        .and_then(self::claims)
        .and_then(|claims| claims.nonce);
    match (&claims.nonce, before) {
        (Some(came), Some(before)) if *came != before => Verdict::Unusable,
        _ => Verdict::Same,
    }
}

/// When an ID token that was judged before was issued (`iat`); 0 where it does not say.
pub(crate) fn issued_at(token: &Secret) -> u64 {
    #[derive(Deserialize)]
    struct Issued {
        iat: u64,
    }
    let issued = jsonwebtoken::dangerous::insecure_decode_claims::<Issued>(token.expose());
    issued.map_or(0, |issued| issued.iat)
}

fn claims(token: &Secret) -> Option<Claims> {
    jsonwebtoken::dangerous::insecure_decode_claims(token.expose()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use base64::Engine;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use tokenbridge_bridge::UnixTime;
    use tokenbridge_bridge::session::Subject;

    fn token(claims: serde_json::Value) -> Secret {
        let part = |value: &str| URL_SAFE_NO_PAD.encode(value);
        Secret::new(format!(
            "{}.{}.{}",
            part("{\"alg\":\"RS256\"}"),
            part(&claims.to_string()),
            part("s")
        ))
    }

    fn facts(sid: Option<&str>) -> SessionFacts {
        SessionFacts {
            subject: Subject {
                issuer: "https://idp".into(),
                subject: "alice".into(),
            },
            idp_session: sid.map(Into::into),
            created_at: UnixTime::from_seconds(1),
            expires_at: UnixTime::from_seconds(2),
            authenticated_at: None,
            acr: None,
        }
    }

    #[test]
    fn an_answer_for_another_subject_is_seen() {
        use serde_json::json;
        let before = token(json!({"iss": "https://idp", "sub": "alice", "nonce": "n"}));
        for (claims, sid, verdict) in [
            (
                json!({"iss": "https://idp", "sub": "alice"}),
                None,
                Verdict::Same,
            ),
            (
                json!({"iss": "https://idp", "sub": "alice", "sid": "1"}),
                None,
                Verdict::Same,
            ),
            (
                json!({"iss": "https://idp", "sub": "alice", "sid": "1"}),
                Some("1"),
                Verdict::Same,
            ),
            (
                json!({"iss": "https://idp", "sub": "alice"}),
                Some("1"),
                Verdict::Same,
            ),
            (
                json!({"iss": "https://idp", "sub": "alice", "nonce": "n"}),
                None,
                Verdict::Same,
            ),
            (
                json!({"iss": "https://idp", "sub": "alice", "nonce": "m"}),
                None,
                Verdict::Unusable,
            ),
            (
                json!({"iss": "https://idp", "sub": "bob"}),
                None,
                Verdict::Foreign("sub"),
            ),
            (json!({"iss": "https://idp"}), None, Verdict::Foreign("sub")),
            (
                json!({"iss": "https://idp/", "sub": "alice"}),
                None,
                Verdict::Foreign("iss"),
            ),
            (
                json!({"iss": "https://idp", "sub": "alice", "sid": "2"}),
                Some("1"),
                Verdict::Foreign("sid"),
            ),
        ] {
            assert_eq!(
                judge(&token(claims.clone()), &facts(sid), Some(&before)),
                verdict,
                "{claims}"
            );
        }
        assert_eq!(
            judge(&Secret::new("x.y"), &facts(None), None),
            Verdict::Unusable
        );
    }
}
