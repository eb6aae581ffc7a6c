//! The tolerant reader of token endpoint answers, and the kinds of refusal.
//!
//! Whatever else is wrong with an answer, a refresh token that came along is kept: it may be the
//! only live one.

mod kept;

use std::time::Duration;

use serde_json::{Map, Value};
use tokenbridge_bridge::Secret;

use crate::provider::http_client::MAX_TOKEN_ANSWER;

/// What became of one request to the token endpoint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Answer {
    /// The provider granted something.
    Granted(Box<TokenResponse>),
    /// The provider refused, in a way that can be read.
    Refused(OauthError),
    /// A 4xx that says nothing that can be read: a firewall's page, an empty body. It never ends
    /// a session.
    Unreadable {
        /// Its status.
        status: u16,
    },
    /// No usable answer: the provider is away, slow or overloaded.
    Failed(Failure),
}

/// Why there is no usable answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// Whether the provider may have acted on the request.
    pub(crate) processed: Processed,
    /// When the provider wants to be asked again.
    pub(crate) retry_after: Option<Duration>,
    /// For the log: `timeout`, `status 503`.
    pub(crate) what: String,
}

/// Whether the provider may have acted on a request that brought no usable answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Processed {
    /// It surely did not.
    No,
    /// It may have.
    Maybe,
}

/// A refusal (RFC 6749 § 5.2 and what providers add to it).
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct OauthError {
    /// The kind.
    pub(crate) kind: OauthErrorKind,
    /// The provider's code, if it is a plain token; for logs.
    pub(crate) code: String,
}

/// The kinds of refusal that are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum OauthErrorKind {
    /// The code or refresh token is refused.
    InvalidGrant,
    /// The target is refused (RFC 8707 § 2).
    InvalidTarget,
    /// A scope is refused.
    InvalidScope,
    /// The client is refused.
    ClientRefused,
    /// The provider wants to talk to the user (OpenID Connect Core § 3.1.2.6).
    InteractionRequired,
    /// The provider cannot just now.
    Temporary,
    /// Something else.
    Other,
}

/// A granted answer as far as it can be read. What is wrong with the rest stands in `problem`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct TokenResponse {
    pub(crate) access_token: Option<Secret>,
    /// Life of the access token; `None` when the answer does not tell.
    pub(crate) expires_in: Option<Duration>,
    pub(crate) refresh_token: Option<Secret>,
    pub(crate) id_token: Option<Secret>,
    pub(crate) scopes: Option<Vec<String>>,
    /// What kind of token an exchange gave (RFC 8693 § 2.2.1).
    pub(crate) issued_token_type: Option<String>,
    /// Why the access token cannot be used, if it cannot.
    pub(crate) problem: Option<String>,
}

/// No token lives longer than ten years; what claims so is a mistake.
const LONGEST_LIFE: u64 = 10 * 366 * 24 * 3600;
/// Longer values are no tokens that anybody could send in a header.
const LONGEST_TOKEN: usize = 64 * 1024;

/// Reads an answer by its status and body.
pub(crate) fn read(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Answer {
    match status {
        200..=299 if body.len() > MAX_TOKEN_ANSWER => {
            let problem = "the answer is larger than a token response may be";
            Answer::Granted(Box::new(unusable(body, problem)))
        }
        200..=299 => Answer::Granted(Box::new(granted(body))),
        429 => failed(Processed::No, retry_after, status),
        408 => failed(Processed::Maybe, retry_after, status),
        400..=499 => refused(status, body),
        // A redirect is not followed, and the rest are no answers of a token endpoint. A gateway's
        // 5xx may hide an answer that was lost behind it.
        _ => failed(Processed::Maybe, retry_after, status),
    }
}

fn failed(processed: Processed, retry_after: Option<Duration>, status: u16) -> Answer {
    Answer::Failed(Failure {
        processed,
        retry_after,
        what: format!("status {status}"),
    })
}

fn refused(status: u16, body: &[u8]) -> Answer {
    let object: Option<Map<String, Value>> = serde_json::from_slice(body).ok();
    let code = object
        .as_ref()
        .and_then(|object| object.get("error"))
        .and_then(Value::as_str);
    match code.and_then(plain_code) {
        Some(code) => Answer::Refused(OauthError {
            kind: OauthErrorKind::of(&code),
            code,
        }),
        None => Answer::Unreadable { status },
    }
}

impl OauthErrorKind {
    /// The kind of an error code.
    pub(crate) fn of(code: &str) -> Self {
        match code {
            "invalid_grant" => Self::InvalidGrant,
            "invalid_target" => Self::InvalidTarget,
            "invalid_scope" => Self::InvalidScope,
            "invalid_client" | "unauthorized_client" | "unsupported_grant_type" => {
                Self::ClientRefused
            }
            "interaction_required"
            | "consent_required"
            | "login_required"
            | "account_selection_required" => Self::InteractionRequired,
            "temporarily_unavailable" | "server_error" | "slow_down" => Self::Temporary,
            _ => Self::Other,
        }
    }
}

/// An error code as logs may show it: short, and nothing but the characters that codes have.
pub(crate) fn plain_code(code: &str) -> Option<String> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-' | b'.');
    let fits = (1..=64).contains(&code.len()) && code.bytes().all(plain);
    fits.then(|| code.to_owned())
}

/// Of an answer that cannot be used the refresh token alone is kept.
fn unusable(body: &[u8], problem: &str) -> TokenResponse {
    TokenResponse {
        refresh_token: kept::refresh_token(body).as_deref().and_then(token),
        problem: Some(problem.into()),
        ..TokenResponse::default()
    }
}

fn granted(body: &[u8]) -> TokenResponse {
    // Some servers begin with a byte order mark, which a reader may pass over (RFC 8259 § 8.1).
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let object: Map<String, Value> = match serde_json::from_slice(body) {
        Ok(object) => object,
        Err(_) => return unusable(body, "the answer is no JSON object"),
    };
    let text = |name| object.get(name).and_then(Value::as_str).and_then(token);
    let refresh_token = text("refresh_token");
    if refresh_token.is_none() && object.get("refresh_token").is_some_and(|it| !it.is_null()) {
        // It took the place of the one that was sent, and nobody knows it: as good as lost.
        return TokenResponse {
            problem: Some("refresh_token is no usable string".into()),
            ..TokenResponse::default()
        };
    }
    let access_token = text("access_token");
    let life = life(object.get("expires_in"));
    let problem = access_token_problem(&object, access_token.as_ref())
        .or_else(|| life.as_ref().err().cloned());
    TokenResponse {
        access_token,
        expires_in: life.ok().flatten(),
        refresh_token,
        id_token: text("id_token"),
        scopes: object.get("scope").and_then(scopes),
        issued_token_type: object
            .get("issued_token_type")
            .and_then(Value::as_str)
            .map(str::to_owned),
        problem,
    }
}

fn token(text: &str) -> Option<Secret> {
    (1..=LONGEST_TOKEN)
        .contains(&text.len())
        .then(|| Secret::new(text))
}

fn access_token_problem(object: &Map<String, Value>, token: Option<&Secret>) -> Option<String> {
    let problem = match (object.get("access_token"), token) {
        (None | Some(Value::Null), _) => "the answer has no access_token",
        (Some(_), None) => "access_token is no usable string",
        (Some(_), Some(_)) => match object.get("token_type").map(Value::as_str) {
            Some(Some(kind)) if kind.eq_ignore_ascii_case("bearer") => return None,
            Some(_) => "token_type is not Bearer",
            None => "the answer has no token_type",
        },
    };
    Some(problem.into())
}

/// Reads `expires_in`: whole seconds, which some providers write as a string.
fn life(value: Option<&Value>) -> Result<Option<Duration>, String> {
    let seconds = match value {
        None | Some(Value::Null) => return Ok(None),
        Some(Value::Number(number)) => number.as_i64(),
        Some(Value::String(text)) => text.parse().ok(),
        Some(_) => None,
    };
    match seconds.and_then(|seconds| u64::try_from(seconds).ok()) {
        Some(seconds @ 1..=LONGEST_LIFE) => Ok(Some(Duration::from_secs(seconds))),
        Some(0) => Err("expires_in is 0".into()),
        _ => Err("expires_in is no sensible number of seconds".into()),
    }
}

/// Scopes as a string or as an array of strings.
pub(crate) fn scopes(value: &Value) -> Option<Vec<String>> {
    match value {
        Value::String(text) => Some(text.split_ascii_whitespace().map(str::to_owned).collect()),
        Value::Array(values) => values
            .iter()
            .map(|value| value.as_str().map(str::to_owned))
            .collect(),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
