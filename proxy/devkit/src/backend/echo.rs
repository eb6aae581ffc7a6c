//! What arrived, so that a test can see what a gateway sent.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use serde_json::{Map, Value, json};

use super::Caller;
use super::rejection::error;
use super::start::Service;

const LARGEST_BODY: usize = 32 * 1024 * 1024;
const REMOVED: &str = "<signature removed>";

/// `ANY .../echo` and below: method, target, headers, body and the token's claims.
pub(super) async fn echo(
    State(service): State<Arc<Service>>,
    Extension(caller): Extension<Caller>,
    request: Request,
) -> Response {
    let mut answer = caller.answer(&service);
    answer.insert("claims".to_owned(), json!(*caller.0));
    answer_with(answer, request).await
}

/// `ANY .../public/echo` and below: the same for a route that needs no token.
pub(super) async fn public_echo(State(service): State<Arc<Service>>, request: Request) -> Response {
    let mut answer = Map::new();
    answer.insert("service".to_owned(), service.name.clone().into());
    answer_with(answer, request).await
}

async fn answer_with(mut answer: Map<String, Value>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, LARGEST_BODY).await else {
        let problem = "the echo reads at most 32 MiB";
        return error(StatusCode::PAYLOAD_TOO_LARGE, "too_large", problem);
    };
    answer.insert("method".to_owned(), parts.method.as_str().into());
    // Byte for byte: nothing in between decodes or normalises the target.
    answer.insert("target".to_owned(), parts.uri.to_string().into());
    answer.insert("version".to_owned(), format!("{:?}", parts.version).into());
    answer.insert("headers".to_owned(), show_headers(&parts.headers));
    answer.insert("body".to_owned(), show_body(&body));
    Json(answer).into_response()
}

/// Name and value of each field line. Names are in lower case and in the order in which each
/// first arrived; lines of the same name stand together, in order of arrival.
fn show_headers(headers: &HeaderMap) -> Value {
    let lines = headers
        .iter()
        .map(|(name, value)| json!([name.as_str(), show_value(name, value)]));
    Value::Array(lines.collect())
}

fn show_value(name: &HeaderName, value: &HeaderValue) -> String {
    let text = match std::str::from_utf8(value.as_bytes()) {
        Ok(text) => text.to_owned(),
        Err(_) => value.as_bytes().escape_ascii().to_string(),
    };
    if *name == header::AUTHORIZATION {
        without_signature(&text)
    } else {
        text
    }
}

/// A JWT without the part that makes it a token; nothing at all of any other credential.
fn without_signature(value: &str) -> String {
    let (scheme, credential) = value.split_once(' ').unwrap_or((value, ""));
    match credential.split('.').collect::<Vec<_>>().as_slice() {
        [head, claims, _] => format!("{scheme} {head}.{claims}.{REMOVED}"),
        _ if credential.is_empty() => "<credential removed>".to_owned(),
        _ => format!("{scheme} <credential removed>"),
    }
}

fn show_body(body: &Bytes) -> Value {
    match std::str::from_utf8(body) {
        Ok(text) => json!({"length": body.len(), "text": text}),
        Err(_) => json!({"length": body.len(), "base64": STANDARD.encode(body)}),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_credential_is_shown_whole() {
        assert_eq!(
            without_signature("Bearer a.b.c"),
            "Bearer a.b.<signature removed>"
        );
        assert_eq!(
            without_signature("Bearer opaque"),
            "Bearer <credential removed>"
        );
        assert_eq!(without_signature("opaque"), "<credential removed>");
    }
}
