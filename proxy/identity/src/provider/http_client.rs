//! HTTP toward the provider: bounded in time and size, never redirected.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::header::{AUTHORIZATION, HeaderValue, RETRY_AFTER};
use tokenbridge_bridge::Secret;
use url::Url;

use crate::settings::HttpTimeouts;

/// The largest answer of a token or revocation endpoint that is used, in bytes.
pub(crate) const MAX_TOKEN_ANSWER: usize = 256 * 1024;
/// The largest one that is read, in bytes: it may hold the only live refresh token.
const MAX_READ: usize = 16 * 1024 * 1024;
/// The largest metadata or key document, in bytes.
pub(crate) const MAX_DOCUMENT: usize = 1024 * 1024;

/// An answer, whatever its status.
#[derive(Debug)]
pub(crate) struct HttpAnswer {
    pub(crate) status: u16,
    /// `Retry-After` in seconds (RFC 9110 § 10.2.3); a date there is not looked at.
    pub(crate) retry_after: Option<Duration>,
    pub(crate) body: Bytes,
}

/// Why no answer came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CallFailure {
    /// No connection came about: the provider surely did not see the request.
    Connect,
    /// Nothing, or not everything, came in time.
    Timeout,
    /// The connection broke.
    Broken,
    /// The answer was larger than allowed.
    TooLarge,
}

impl CallFailure {
    /// The label in metrics and logs.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Timeout => "timeout",
            Self::Broken => "io",
            Self::TooLarge => "too_large",
        }
    }
}

/// A form to be sent, with how the client proves who it is.
pub(crate) struct Form<'a> {
    pub(crate) fields: Vec<(&'a str, &'a str)>,
    /// The value of `Authorization`, for `client_secret_basic`.
    pub(crate) authorization: Option<&'a Secret>,
}

/// The one HTTP client toward one provider.
#[derive(Clone)]
pub(crate) struct HttpClient {
    client: reqwest::Client,
}

impl HttpClient {
    /// A client with these timeouts. `plain_only`: the issuer is http on a loopback host, so that a
    /// machine without certificate authorities will do.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub(crate) fn new(timeouts: HttpTimeouts, plain_only: bool) -> Result<Self, String> {
        let builder = || {
            reqwest::Client::builder()
                // A redirected POST would carry credentials to another place (RFC 9700 § 4.12).
                .redirect(reqwest::redirect::Policy::none())
                .no_proxy()
                .connect_timeout(timeouts.connect)
                .timeout(timeouts.total)
                .pool_idle_timeout(Duration::from_secs(30))
                .user_agent(concat!("tokenbridge/", env!("CARGO_PKG_VERSION")))
        };
        let client = match builder().build() {
            Err(_) if plain_only => builder().tls_certs_only([]).build(),
            built => built,
        };
        client
            .map(|client| Self { client })
            .map_err(|error| error_chain(&error))
    }

    /// Gets a document.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(crate) async fn get(&self, url: &Url) -> Result<HttpAnswer, CallFailure> {
        let request = self
            .client
            .get(url.clone())
            .header(reqwest::header::ACCEPT, "application/json");
        answer(request, MAX_DOCUMENT).await
    }

    /// Posts a form.
    ///
    /// # Errors
    /// Why there is no answer.
    pub(crate) async fn post(&self, url: &Url, form: Form<'_>) -> Result<HttpAnswer, CallFailure> {
        let mut request = self
            .client
            .post(url.clone())
            .header(reqwest::header::ACCEPT, "application/json")
            .form(&form.fields);
        if let Some(authorization) = form.authorization {
            // The value is base64: it is always a header value.
            if let Ok(mut value) = HeaderValue::from_str(authorization.expose()) {
                value.set_sensitive(true);
                request = request.header(AUTHORIZATION, value);
            }
        }
        answer(request, MAX_READ).await
    }
}

async fn answer(request: reqwest::RequestBuilder, limit: usize) -> Result<HttpAnswer, CallFailure> {
    let mut response = request.send().await.map_err(|error| failure(&error))?;
    let status = response.status().as_u16();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| text.trim().parse().ok())
        .map(Duration::from_secs);
    let mut body = BytesMut::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| failure(&error))? {
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(CallFailure::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(HttpAnswer {
        status,
        retry_after,
        body: body.freeze(),
    })
}

fn failure(error: &reqwest::Error) -> CallFailure {
    if error.is_connect() {
        CallFailure::Connect
    } else if error.is_timeout() {
        CallFailure::Timeout
    } else {
        CallFailure::Broken
    }
}

fn error_chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
