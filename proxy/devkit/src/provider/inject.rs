//! Where faults strike: around every endpoint, so that no endpoint knows of them.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::json;

use super::fault::{AnswerBody, Endpoint, Fault, Occasion};
use super::grant_type::GrantType;
use super::parameters::Parameters;
use super::state::Provider;
use super::tamper;
use crate::server::AnswerIsLost;

/// The largest form that an endpoint takes.
const LARGEST_FORM: usize = 256 * 1024;
const LONGEST_DELAY: Duration = Duration::from_secs(120);

/// Counts a request, lets faults strike before and after it, and processes it.
pub(crate) async fn inject(
    State(provider): State<Arc<Provider>>,
    request: Request,
    next: Next,
) -> Response {
    let Some(endpoint) = Endpoint::of(request.uri().path()) else {
        return next.run(request).await;
    };
    *provider.count().requests.entry(endpoint).or_default() += 1;
    let (occasion, request) = match read_occasion(endpoint, request).await {
        Ok(read) => read,
        Err(too_large) => return too_large,
    };
    if let Some(instead) = strike_before(&provider, &occasion).await {
        return instead;
    }
    // A client that goes away does not undo what it asked for.
    let processed = tokio::spawn(next.run(request)).await;
    let response = match processed {
        Ok(response) => response,
        Err(_) => return StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    };
    let response = tamper::tamper(&provider, &occasion, response).await;
    strike_after(&provider, &occasion, response).await
}

/// Reads what faults may depend on.
async fn read_occasion(
    endpoint: Endpoint,
    request: Request,
) -> Result<(Occasion, Request), Response> {
    let (parts, body) = request.into_parts();
    let body = axum::body::to_bytes(body, LARGEST_FORM)
        .await
        .map_err(|_| StatusCode::PAYLOAD_TOO_LARGE.into_response())?;
    let query = parts.uri.query().unwrap_or_default();
    let encoded = if body.is_empty() {
        query.as_bytes()
    } else {
        &body
    };
    let parameters = Parameters::parse(encoded);
    let grant_type = parameters.values("grant_type").next();
    let occasion = Occasion {
        endpoint,
        grant_type: grant_type.and_then(GrantType::named),
        targets: parameters.targets(),
    };
    Ok((occasion, Request::from_parts(parts, Body::from(body))))
}

/// Waits, and answers in the endpoint's place.
async fn strike_before(provider: &Provider, occasion: &Occasion) -> Option<Response> {
    let faults = provider.faults.strike(occasion, |fault| {
        matches!(
            fault,
            Fault::Answer { .. }
                | Fault::LostRequest { .. }
                | Fault::Delay {
                    after_processing: false,
                    ..
                }
        )
    });
    wait(&faults).await;
    faults.into_iter().find_map(|fault| match fault {
        Fault::Answer {
            status,
            retry_after,
            body,
            ..
        } => Some(answer(status, retry_after, body)),
        Fault::LostRequest { .. } => Some(lost(StatusCode::OK.into_response())),
        Fault::Delay { .. }
        | Fault::LostAnswer { .. }
        | Fault::TokenResponse { .. }
        | Fault::IdToken { .. }
        | Fault::AccessToken { .. }
        | Fault::AuthorizationResponse { .. } => None,
    })
}

/// Waits, and loses the answer.
async fn strike_after(provider: &Provider, occasion: &Occasion, response: Response) -> Response {
    let faults = provider.faults.strike(occasion, |fault| {
        matches!(
            fault,
            Fault::LostAnswer { .. }
                | Fault::Delay {
                    after_processing: true,
                    ..
                }
        )
    });
    wait(&faults).await;
    let struck = faults
        .iter()
        .any(|fault| matches!(fault, Fault::LostAnswer { .. }));
    if struck { lost(response) } else { response }
}

fn lost(mut response: Response) -> Response {
    response.extensions_mut().insert(AnswerIsLost);
    response
}

async fn wait(faults: &[Fault]) {
    let milliseconds = faults.iter().filter_map(|fault| match fault {
        Fault::Delay { milliseconds, .. } => Some(*milliseconds),
        Fault::Answer { .. }
        | Fault::LostRequest { .. }
        | Fault::LostAnswer { .. }
        | Fault::TokenResponse { .. }
        | Fault::IdToken { .. }
        | Fault::AccessToken { .. }
        | Fault::AuthorizationResponse { .. } => None,
    });
    let delay = milliseconds
        .map(Duration::from_millis)
        .fold(Duration::ZERO, Duration::saturating_add);
    if !delay.is_zero() {
        tokio::time::sleep(delay.min(LONGEST_DELAY)).await;
    }
}

fn answer(status: u16, retry_after: Option<u64>, body: AnswerBody) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = match body {
        AnswerBody::Html => {
            let page = "<!doctype html><title>Error</title><h1>The service is not available</h1>";
            (status, Html(page)).into_response()
        }
        AnswerBody::Empty => status.into_response(),
        AnswerBody::Error(code) => (status, Json(json!({ "error": code }))).into_response(),
    };
    if let Some(seconds) = retry_after {
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    response
}
