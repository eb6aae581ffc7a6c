//! Token revocation (RFC 7009).

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, StatusCode};

use super::oauth_error::OAuthError;
use super::parameters::Parameters;
use super::state::Provider;

/// `POST /revoke`. A refresh token takes its whole grant with it, an access token goes alone; an
/// unknown token is no error (RFC 7009 § 2.2).
pub(crate) async fn revoke(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    provider
        .answer_revocation(&headers, &Parameters::parse(&body))
        .map_or_else(IntoResponse::into_response, |()| {
            StatusCode::OK.into_response()
        })
}

impl Provider {
    fn answer_revocation(
        &self,
        headers: &HeaderMap,
        parameters: &Parameters,
    ) -> Result<(), OAuthError> {
        let client = self.authenticate_client(headers, parameters)?;
        let token = parameters.required("token")?;
        let mut ledger = self.ledger();
        let grant = ledger.grant_of_refresh_token(token, &client.id);
        let family_revoked = grant.is_some_and(|id| ledger.revoke_grant(id));
        let met = family_revoked || ledger.revoke_access_token(token, &client.id);
        drop(ledger);
        let mut counters = self.count();
        counters.families_revoked += u64::from(family_revoked);
        counters.revocations += u64::from(met);
        Ok(())
    }
}
