//! Answers that are not what they should be.

use axum::body::Body;
use axum::response::{Html, IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};
use url::Url;

use super::fault::{Fault, Occasion};
use super::keys::{SigningKey, unsigned};
use super::state::Provider;
use super::tampering::{AuthorizationTampering, JwtTampering, TokenResponseTampering};

/// No answer of the provider is larger.
const LARGEST_ANSWER: usize = 256 * 1024;
const HUGE: usize = 8 * 1024 * 1024;
const ELSEWHERE: &str = "https://elsewhere.example";

/// Changes a successful answer by the faults that are in place for it; others stay as they are
/// and use no fault up.
pub(crate) async fn tamper(
    provider: &Provider,
    occasion: &Occasion,
    response: Response,
) -> Response {
    if response.headers().contains_key(header::LOCATION) {
        return tamper_redirect(provider, occasion, response);
    }
    let concerned = provider.faults.list().iter().any(|rule| {
        matches!(
            rule.fault,
            Fault::TokenResponse { .. } | Fault::IdToken { .. } | Fault::AccessToken { .. }
        )
    });
    if !concerned || response.status() != StatusCode::OK {
        return response;
    }
    let (parts, body) = response.into_parts();
    let Ok(bytes) = axum::body::to_bytes(body, LARGEST_ANSWER).await else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    match serde_json::from_slice::<Map<String, Value>>(&bytes) {
        Ok(tokens) if tokens.contains_key("access_token") => {
            tamper_tokens(provider, occasion, tokens)
        }
        Ok(_) | Err(_) => Response::from_parts(parts, Body::from(bytes)),
    }
}

fn tamper_tokens(provider: &Provider, occasion: &Occasion, tokens: Map<String, Value>) -> Response {
    let has_id_token = tokens.contains_key("id_token");
    let faults = provider.faults.strike(occasion, |fault| match fault {
        Fault::TokenResponse { .. } | Fault::AccessToken { .. } => true,
        Fault::IdToken { .. } => has_id_token,
        Fault::Delay { .. }
        | Fault::Answer { .. }
        | Fault::LostRequest { .. }
        | Fault::LostAnswer { .. }
        | Fault::AuthorizationResponse { .. } => false,
    });
    let mut tokens = tokens;
    for fault in &faults {
        match fault {
            Fault::IdToken { tampering } => {
                tamper_jwt(provider, &mut tokens, "id_token", *tampering);
            }
            Fault::AccessToken { tampering } => {
                tamper_jwt(provider, &mut tokens, "access_token", *tampering);
            }
            Fault::TokenResponse { .. }
            | Fault::Delay { .. }
            | Fault::Answer { .. }
            | Fault::LostRequest { .. }
            | Fault::LostAnswer { .. }
            | Fault::AuthorizationResponse { .. } => {}
        }
    }
    let shape = faults.iter().find_map(|fault| match fault {
        Fault::TokenResponse { tampering } => Some(*tampering),
        Fault::IdToken { .. }
        | Fault::AccessToken { .. }
        | Fault::Delay { .. }
        | Fault::Answer { .. }
        | Fault::LostRequest { .. }
        | Fault::LostAnswer { .. }
        | Fault::AuthorizationResponse { .. } => None,
    });
    reshape(tokens, shape)
}

/// Changes the response around the tokens.
fn reshape(mut tokens: Map<String, Value>, tampering: Option<TokenResponseTampering>) -> Response {
    use TokenResponseTampering as Tampering;
    let mut set = |name: &str, value: Value| tokens.insert(name.to_owned(), value);
    match tampering {
        None => {}
        Some(Tampering::EmptyBody) => return StatusCode::OK.into_response(),
        Some(Tampering::NotJson) => return Html("<!doctype html><h1>Welcome</h1>").into_response(),
        Some(Tampering::Truncated) => return truncated(tokens),
        Some(Tampering::Huge) => {
            set("padding", "x".repeat(HUGE).into());
        }
        Some(Tampering::WrongTypes) => {
            set("access_token", json!({"value": 1}));
            set("token_type", 1.into());
            set("expires_in", json!(["soon"]));
        }
        Some(Tampering::ExpiresInZero) => {
            set("expires_in", 0.into());
        }
        Some(Tampering::ExpiresInNegative) => {
            set("expires_in", (-1).into());
        }
        Some(Tampering::ExpiresInHuge) => {
            set("expires_in", 1_000_000_000_000_u64.into());
        }
        Some(Tampering::OtherTokenType) => {
            set("token_type", "N_A".into());
        }
        Some(Tampering::MissingAccessToken) => drop(tokens.remove("access_token")),
        Some(Tampering::MissingRefreshToken) => drop(tokens.remove("refresh_token")),
        Some(Tampering::MissingIdToken) => drop(tokens.remove("id_token")),
        Some(Tampering::MissingExpiresIn) => drop(tokens.remove("expires_in")),
        Some(Tampering::MissingTokenType) => drop(tokens.remove("token_type")),
    }
    let no_store = [(header::CACHE_CONTROL, HeaderValue::from_static("no-store"))];
    (no_store, axum::Json(tokens)).into_response()
}

/// The answer breaks off in the value that follows the refresh token.
fn truncated(tokens: Map<String, Value>) -> Response {
    let text = Value::Object(tokens).to_string();
    let whole = text.find("\"token_type\"").unwrap_or(text.len());
    let text = text.get(..whole).unwrap_or_default().to_owned();
    ([(header::CONTENT_TYPE, "application/json")], text).into_response()
}

/// Changes one token of the response; an opaque one has nothing to change.
fn tamper_jwt(
    provider: &Provider,
    tokens: &mut Map<String, Value>,
    name: &str,
    tampering: JwtTampering,
) {
    let original = tokens.get(name).and_then(Value::as_str).and_then(read_jwt);
    let tampered = original.and_then(|(header, claims)| {
        let typ = header.get("typ").and_then(Value::as_str).unwrap_or("JWT");
        rewrite(provider, typ, claims, tampering)
    });
    if let Some(tampered) = tampered {
        tokens.insert(name.to_owned(), tampered.into());
    }
}

fn read_jwt(token: &str) -> Option<(Map<String, Value>, Map<String, Value>)> {
    let mut parts = token.split('.').map(|part| {
        let json = URL_SAFE_NO_PAD.decode(part).ok()?;
        serde_json::from_slice(&json).ok()
    });
    Some((parts.next()??, parts.next()??))
}

fn rewrite(
    provider: &Provider,
    typ: &str,
    mut claims: Map<String, Value>,
    tampering: JwtTampering,
) -> Option<String> {
    let mut set = |name: &str, value: Value| drop(claims.insert(name.to_owned(), value));
    match tampering {
        JwtTampering::OtherNonce => set("nonce", "another-nonce".into()),
        JwtTampering::MissingNonce => drop(claims.remove("nonce")),
        JwtTampering::OtherIssuer => set("iss", ELSEWHERE.into()),
        JwtTampering::OtherAudience => set("aud", "another-audience".into()),
        JwtTampering::OtherSubject => set("sub", "mallory".into()),
        JwtTampering::OtherIdpSession => set("sid", "another-session".into()),
        JwtTampering::Expired => {
            let an_hour_ago = provider.now().as_secs().saturating_sub(3_600);
            set("exp", an_hour_ago.into());
        }
        JwtTampering::AlgNone => {
            let header = json!({"alg": "none", "typ": typ});
            return Some(format!("{}.", unsigned(&header, &claims)));
        }
        JwtTampering::OtherKey => {
            let published = provider.keys.newest_id()?;
            let stranger = SigningKey::generate().ok()?.under_id(published);
            return stranger.sign(typ, &claims).ok();
        }
    }
    provider.keys.sign(typ, &claims).ok()
}

fn tamper_redirect(provider: &Provider, occasion: &Occasion, response: Response) -> Response {
    let faults = provider.faults.strike(occasion, |fault| {
        matches!(fault, Fault::AuthorizationResponse { .. })
    });
    let mut response = response;
    for fault in faults {
        let Fault::AuthorizationResponse { tampering } = fault else {
            continue;
        };
        let location = response.headers().get(header::LOCATION);
        let changed = location
            .and_then(|location| Url::parse(location.to_str().ok()?).ok())
            .map(|location| change_query(location, tampering))
            .and_then(|location| HeaderValue::from_str(location.as_str()).ok());
        if let Some(changed) = changed {
            response.headers_mut().insert(header::LOCATION, changed);
        }
    }
    response
}

fn change_query(location: Url, tampering: AuthorizationTampering) -> Url {
    let (name, replacement) = match tampering {
        AuthorizationTampering::MissingIssuer => ("iss", None),
        AuthorizationTampering::OtherIssuer => ("iss", Some(ELSEWHERE)),
        AuthorizationTampering::MissingState => ("state", None),
        AuthorizationTampering::OtherState => ("state", Some("another-state")),
    };
    let kept: Vec<(String, String)> = location
        .query_pairs()
        .into_owned()
        .filter(|(own, _)| own != name)
        .collect();
    let mut changed = location;
    changed
        .query_pairs_mut()
        .clear()
        .extend_pairs(kept)
        .extend_pairs(replacement.map(|value| (name, value)));
    changed
}
