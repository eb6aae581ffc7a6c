//! How a page of ours sends what changes something: with the token of `/auth/csrf`.

use http::{HeaderName, HeaderValue};
use serde::Deserialize;

use super::{BrowserError, BrowserRequest, BrowserSession, Page, parse};

const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");

#[derive(Deserialize)]
struct Answer {
    csrf_token: String,
}

impl BrowserSession {
    /// Sends a request as a page's script would that asks for the session's token first. Without
    /// a session there is no token, and the request goes without one.
    ///
    /// # Errors
    /// As [`BrowserSession::fetch`].
    pub async fn fetch_with_token(&self, request: BrowserRequest) -> Result<Page, BrowserError> {
        let token = self.csrf_token(&request.url).await?;
        let token = token.and_then(|token| HeaderValue::try_from(token).ok());
        let request = match token {
            Some(token) => request.header(CSRF_HEADER, token),
            None => request,
        };
        self.fetch(request).await
    }

    /// The session's token, at the gateway of an address.
    ///
    /// # Errors
    /// As [`BrowserSession::fetch`].
    pub async fn csrf_token(&self, url: &str) -> Result<Option<String>, BrowserError> {
        let endpoint = parse(url)?
            .join("/auth/csrf")
            .map_err(|_| BrowserError::Url(url.to_owned()))?;
        let page = self.fetch(BrowserRequest::get(endpoint)).await?;
        Ok(page.json::<Answer>().ok().map(|answer| answer.csrf_token))
    }
}
