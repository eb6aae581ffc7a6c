//! Answers that are slow, long, streamed, or of any status.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{Path, Query, State};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use bytes::Bytes;
use futures_util::stream;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Deserialize;
use serde_json::json;

use super::Caller;
use super::rejection::error;
use super::start::Service;

const LONGEST_WAIT: u64 = 600_000;
const MOST_EVENTS: u64 = 100_000;
const MOST_BYTES: usize = 1 << 30;
const CHUNK: usize = 64 * 1024;

/// `?ms=` of the slow answer.
#[derive(Deserialize)]
pub(super) struct Wait {
    #[serde(default)]
    ms: u64,
}

/// `?events=&interval_ms=` of the streamed answer.
#[derive(Deserialize)]
pub(super) struct Pace {
    #[serde(default = "default_events")]
    events: u64,
    #[serde(default = "default_interval")]
    interval_ms: u64,
}

fn default_events() -> u64 {
    5
}

fn default_interval() -> u64 {
    500
}

/// `ANY .../slow?ms=`: the answer after that many milliseconds, at most ten minutes.
pub(super) async fn slow(
    State(service): State<Arc<Service>>,
    Extension(caller): Extension<Caller>,
    Query(wait): Query<Wait>,
) -> Response {
    let milliseconds = wait.ms.min(LONGEST_WAIT);
    tokio::time::sleep(Duration::from_millis(milliseconds)).await;
    let mut answer = caller.answer(&service);
    answer.insert("waited_ms".to_owned(), milliseconds.into());
    Json(answer).into_response()
}

/// `GET .../stream?events=&interval_ms=`: server-sent events, the first one at once.
pub(super) async fn stream(
    State(service): State<Arc<Service>>,
    Extension(caller): Extension<Caller>,
    Query(pace): Query<Pace>,
) -> Response {
    let last = pace.events.min(MOST_EVENTS);
    let interval = Duration::from_millis(pace.interval_ms.min(LONGEST_WAIT));
    let answer = caller.answer(&service);
    let events = stream::unfold(1, move |number| {
        let mut answer = answer.clone();
        async move {
            if number > last {
                return None;
            }
            if number > 1 {
                tokio::time::sleep(interval).await;
            }
            answer.insert("event".to_owned(), number.into());
            answer.insert("of".to_owned(), last.into());
            let event = Event::default()
                .id(number.to_string())
                .data(json!(answer).to_string());
            Some((Ok::<_, Infallible>(event), number + 1))
        }
    });
    Sse::new(events).into_response()
}

/// `ANY .../status/{code}`: that status; a 401 blames the token.
pub(super) async fn status(
    State(service): State<Arc<Service>>,
    Extension(caller): Extension<Caller>,
    Path(code): Path<String>,
) -> Response {
    let status = code
        .parse::<u16>()
        .ok()
        .filter(|code| (200..600).contains(code));
    let Some(status) = status.and_then(|code| StatusCode::from_u16(code).ok()) else {
        let problem = "the status must be from 200 to 599";
        return error(StatusCode::BAD_REQUEST, "invalid_status", problem);
    };
    let mut response = (status, Json(caller.answer(&service))).into_response();
    if status == StatusCode::UNAUTHORIZED {
        let challenge = HeaderValue::from_static("Bearer error=\"invalid_token\"");
        response
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// `ANY .../headers?NAME=VALUE`: an answer with these header lines beside its own.
pub(super) async fn headers(
    State(service): State<Arc<Service>>,
    Extension(caller): Extension<Caller>,
    Query(lines): Query<Vec<(String, String)>>,
) -> Response {
    let mut response = Json(caller.answer(&service)).into_response();
    for (name, value) in &lines {
        match (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            (Ok(name), Ok(value)) => response.headers_mut().append(name, value),
            (Err(_), _) | (_, Err(_)) => {
                let problem = "a name or value cannot stand in a header";
                return error(StatusCode::BAD_REQUEST, "invalid_header", problem);
            }
        };
    }
    response
}

/// `GET .../bytes/{n}`: that many bytes, at most 1 GiB.
pub(super) async fn bytes(Path(length): Path<String>) -> Response {
    let length = length
        .parse::<usize>()
        .ok()
        .filter(|length| *length <= MOST_BYTES);
    let Some(length) = length else {
        let problem = "the length must be from 0 to 1073741824";
        return error(StatusCode::BAD_REQUEST, "invalid_length", problem);
    };
    let chunk = Bytes::from(vec![b'.'; CHUNK]);
    let chunks = stream::unfold(length, move |left| {
        let next = chunk.slice(..left.min(CHUNK));
        async move {
            let rest = left - next.len();
            (!next.is_empty()).then_some((Ok::<_, Infallible>(next), rest))
        }
    });
    let headers = [
        (
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/octet-stream"),
        ),
        (header::CONTENT_LENGTH, HeaderValue::from(length)),
    ];
    (headers, Body::from_stream(chunks)).into_response()
}
