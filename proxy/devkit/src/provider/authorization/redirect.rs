//! Answers that go back to the client through the browser.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use url::form_urlencoded;

use super::request::{AuthorizationRequest, ReturnTo};
use crate::provider::ledger::{Code, Grant, IdpSession};
use crate::provider::oauth_error::{ErrorCode, OAuthError};
use crate::provider::pages;
use crate::provider::state::Provider;
use crate::random::random_value;

const CODE_LIFETIME: Duration = Duration::from_secs(60);

impl Provider {
    /// The code, `state` and `iss` (RFC 6749 § 4.1.2, RFC 9207).
    pub(super) fn return_code(
        &self,
        request: &AuthorizationRequest,
        session: &IdpSession,
    ) -> Response {
        match self.open_code(request, session) {
            Ok(code) => {
                tracing::info!(
                    client = request.client_id,
                    user = session.subject,
                    "authorization granted"
                );
                self.count().authorizations += 1;
                self.redirect(&request.return_to, &[("code", &code)])
            }
            Err(error) => self.return_error(&request.return_to, &error),
        }
    }

    fn open_code(
        &self,
        request: &AuthorizationRequest,
        session: &IdpSession,
    ) -> Result<String, OAuthError> {
        let code = random_value()?;
        let now = self.now();
        let grant = Grant {
            client_id: request.client_id.clone(),
            subject: session.subject.clone(),
            scopes: request.scopes.clone(),
            login_targets: request.targets.clone(),
            nonce: request.nonce.clone(),
            auth_time: session.auth_time,
            sid: session.sid.clone(),
            revoked: false,
            ends_at: now + CODE_LIFETIME,
        };
        let mut ledger = self.ledger();
        let entry = Code {
            grant: ledger.open_grant(grant, now),
            redirect_uri: request.return_to.redirect_uri.clone(),
            challenge: request.challenge.clone(),
            expires_at: now + CODE_LIFETIME,
            used: false,
        };
        ledger.keep_code(&code, entry);
        Ok(code)
    }

    /// The error, `state` and `iss`.
    pub(super) fn return_error(&self, return_to: &ReturnTo, error: &OAuthError) -> Response {
        tracing::warn!(
            error = error.code.name(),
            reason = error.description,
            "authorization request refused"
        );
        self.redirect(
            return_to,
            &[
                ("error", error.code.name()),
                ("error_description", &error.description),
            ],
        )
    }

    fn redirect(&self, return_to: &ReturnTo, answer: &[(&str, &str)]) -> Response {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(answer);
        if let Some(state) = &return_to.state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", &self.issuer);
        see_other(&with_query(&return_to.redirect_uri, &query.finish()))
    }
}

/// A URI with more query parameters than it has.
pub(crate) fn with_query(uri: &str, query: &str) -> String {
    let separator = match uri.split_once('?') {
        None => "?",
        Some((_, "")) => "",
        Some(_) => "&",
    };
    format!("{uri}{separator}{query}")
}

/// 303, so that no form is sent on (RFC 9700 § 4.12).
pub(crate) fn see_other(location: &str) -> Response {
    let Ok(location) = HeaderValue::from_str(location) else {
        return pages::error(&OAuthError::new(
            ErrorCode::InvalidRequest,
            "the redirect URI does not fit into a header",
        ));
    };
    let headers = [
        (header::LOCATION, location),
        (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (
            header::REFERRER_POLICY,
            HeaderValue::from_static("no-referrer"),
        ),
    ];
    (StatusCode::SEE_OTHER, headers).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirect_uri_keeps_its_own_query() {
        assert_eq!(
            with_query("http://localhost/a", "code=1"),
            "http://localhost/a?code=1"
        );
        assert_eq!(
            with_query("http://localhost/a?", "code=1"),
            "http://localhost/a?code=1"
        );
        assert_eq!(
            with_query("http://localhost/a?b=c", "code=1"),
            "http://localhost/a?b=c&code=1"
        );
    }
}
