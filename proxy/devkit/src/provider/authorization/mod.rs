//! The authorization endpoint (RFC 6749 § 3.1, OpenID Connect Core § 3.1.2) and its forms.

mod interaction;
mod redirect;
mod request;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::HeaderMap;

use super::oauth_error::{ErrorCode, OAuthError};
use super::pages;
use super::parameters::Parameters;
use super::state::Provider;
pub(crate) use redirect::{see_other, with_query};

use interaction::Progress;
use request::{AuthorizationRequest, Failure};

/// `GET /authorize`.
pub(crate) async fn authorize(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    provider.answer_authorization(query.as_bytes(), &headers)
}

/// `POST /authorize` (OpenID Connect Core § 3.1.2.1).
pub(crate) async fn authorize_by_form(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    provider.answer_authorization(&body, &headers)
}

/// `POST /login`: the login form.
pub(crate) async fn login(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let form = Parameters::parse(&body);
    match provider.carried_request(&form) {
        Ok(request) => provider.log_in(&request, &form, &headers),
        Err(failure) => provider.fail(failure),
    }
}

/// `POST /consent`: the consent form.
pub(crate) async fn consent(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let form = Parameters::parse(&body);
    match provider.carried_request(&form) {
        Ok(request) => provider.decide_consent(&request, &form, &headers),
        Err(failure) => provider.fail(failure),
    }
}

impl Provider {
    fn answer_authorization(&self, encoded: &[u8], headers: &HeaderMap) -> Response {
        match self.read_authorization_request(encoded) {
            Ok(request) => {
                let session = self.session_of(headers);
                self.proceed(&request, session.as_ref(), Progress::default())
            }
            Err(failure) => self.fail(failure),
        }
    }

    /// The authorization request that a form carries in its hidden field; it is checked again
    /// in full, for it comes from the browser.
    fn carried_request(&self, form: &Parameters) -> Result<AuthorizationRequest, Failure> {
        let carried = form.required("request").map_err(Failure::Page)?;
        let encoded = URL_SAFE_NO_PAD.decode(carried).map_err(|_| {
            Failure::Page(OAuthError::new(
                ErrorCode::InvalidRequest,
                "the form's request is not readable; start the login again",
            ))
        })?;
        self.read_authorization_request(&encoded)
    }

    /// Where it is safe, an error goes back to the client; else the person sees it.
    fn fail(&self, failure: Failure) -> Response {
        match failure {
            Failure::Page(error) => {
                tracing::warn!(
                    error = error.code.name(),
                    reason = error.description,
                    "authorization request refused on a page"
                );
                pages::error(&error)
            }
            Failure::Redirect(return_to, error) => self.return_error(&return_to, &error),
        }
    }
}
