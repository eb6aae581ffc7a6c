//! Logout that the client asks for (OpenID Connect RP-Initiated Logout 1.0).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::{RawQuery, State};
use axum::response::Response;
use http::{HeaderMap, header};
use serde_json::{Map, Value};
use url::form_urlencoded;

use super::authorization::{see_other, with_query};
use super::oauth_error::{ErrorCode, OAuthError};
use super::pages;
use super::parameters::Parameters;
use super::session_cookie;
use super::state::Provider;

/// `GET /end_session`.
pub(crate) async fn end_session(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    let query = query.unwrap_or_default();
    provider.answer_logout(&Parameters::parse(query.as_bytes()), &headers)
}

/// `POST /end_session`.
pub(crate) async fn end_session_by_form(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    provider.answer_logout(&Parameters::parse(&body), &headers)
}

/// Who asks for the logout, as far as that is known.
struct Asker<'a> {
    client_id: Option<String>,
    sid: Option<String>,
    return_to: Option<&'a str>,
}

impl Provider {
    fn answer_logout(&self, parameters: &Parameters, headers: &HeaderMap) -> Response {
        let asker = match self.read_logout(parameters) {
            Ok(asker) => asker,
            Err(error) => return pages::error(&error),
        };
        let cookie = session_cookie::read(headers);
        self.ledger().end_session(cookie, asker.sid.as_deref());
        self.count().logouts += 1;
        tracing::info!(
            client = asker.client_id.as_deref().unwrap_or("unknown"),
            "signed out"
        );
        let mut response = match asker.return_to {
            Some(uri) => {
                let state = parameters.values("state").next();
                see_other(&with_state(uri, state))
            }
            None => pages::signed_out(),
        };
        response
            .headers_mut()
            .append(header::SET_COOKIE, session_cookie::delete());
        response
    }

    /// Checks everything before anything ends.
    fn read_logout<'a>(&self, parameters: &'a Parameters) -> Result<Asker<'a>, OAuthError> {
        let hint = self.read_hint(parameters)?;
        let hint_text = |claim: &str| {
            let value = hint.as_ref().and_then(|claims| claims.get(claim));
            value.and_then(Value::as_str).map(ToOwned::to_owned)
        };
        let named = parameters.one("client_id")?.map(ToOwned::to_owned);
        let hinted = hint_text("aud");
        if named.is_some() && hinted.is_some() && named != hinted {
            return invalid("id_token_hint was issued to another client than client_id says");
        }
        let client_id = named.or(hinted);
        let return_to = parameters.one("post_logout_redirect_uri")?;
        if let Some(uri) = return_to {
            self.check_return(client_id.as_deref(), uri)?;
        }
        Ok(Asker {
            client_id,
            sid: hint_text("sid"),
            return_to,
        })
    }

    fn read_hint(&self, parameters: &Parameters) -> Result<Option<Map<String, Value>>, OAuthError> {
        match parameters.one("id_token_hint")? {
            None => Ok(None),
            Some(hint) => match self.keys.claims_of(hint) {
                Some(claims) => Ok(Some(claims)),
                None => invalid("id_token_hint is not an ID token of this provider"),
            },
        }
    }

    fn check_return(&self, client_id: Option<&str>, uri: &str) -> Result<(), OAuthError> {
        let Some(client_id) = client_id else {
            return invalid("post_logout_redirect_uri needs id_token_hint or client_id");
        };
        let Some(client) = self.configuration.clients.get(client_id) else {
            return invalid("there is no such client in clients.yaml");
        };
        let registered = client.post_logout_redirect_uris.as_deref();
        if self.may_redirect(registered, uri) {
            Ok(())
        } else {
            invalid(
                "post_logout_redirect_uri is not registered: see post_logout_redirect_uris in \
                 clients.yaml",
            )
        }
    }
}

fn invalid<T>(reason: &str) -> Result<T, OAuthError> {
    Err(OAuthError::new(ErrorCode::InvalidRequest, reason))
}

fn with_state(uri: &str, state: Option<&str>) -> String {
    let Some(state) = state else {
        return uri.to_owned();
    };
    let query = form_urlencoded::Serializer::new(String::new())
        .append_pair("state", state)
        .finish();
    with_query(uri, &query)
}
