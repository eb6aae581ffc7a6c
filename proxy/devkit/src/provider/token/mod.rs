//! The token endpoint (RFC 6749 § 3.2).

mod client_credentials;
mod code;
mod exchange;
mod foreign_subject;
mod refresh;
mod response;

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;

use super::client_authentication::AuthenticatedClient;
use super::grant_type::GrantType;
use super::oauth_error::{ErrorCode, OAuthError};
use super::parameters::Parameters;
use super::state::Provider;
use super::target::{TargetRequest, TokenTarget};
use super::token_log::TokenRequestRecord;
use crate::scopes::Scopes;
use response::TokenResponse;

/// `POST /token`.
pub(crate) async fn token(
    State(provider): State<Arc<Provider>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let parameters = Parameters::parse(&body);
    let mut record = begin_record(&parameters);
    provider.adopt_subject(&parameters).await;
    let answer = provider.answer_token_request(&headers, &parameters, &mut record);
    match &answer {
        Ok(tokens) => {
            record.answered_audiences.clone_from(&tokens.audiences);
            record.answered_refresh_token = tokens.refresh_token.is_some();
        }
        Err(error) => {
            record.error = Some(error.code.name());
            let mut counters = provider.count();
            *counters
                .token_errors
                .entry(error.code.name().to_owned())
                .or_default() += 1;
        }
    }
    report(&record, answer.as_ref().err());
    provider.log_token_request(record);
    answer.map_or_else(IntoResponse::into_response, IntoResponse::into_response)
}

fn begin_record(parameters: &Parameters) -> TokenRequestRecord {
    TokenRequestRecord {
        grant_type: parameters
            .values("grant_type")
            .next()
            .unwrap_or_default()
            .to_owned(),
        parameter_names: parameters.names().map(ToOwned::to_owned).collect(),
        resource: parameters
            .values("resource")
            .map(ToOwned::to_owned)
            .collect(),
        audience: parameters
            .values("audience")
            .map(ToOwned::to_owned)
            .collect(),
        scope: parameters.values("scope").next().map(ToOwned::to_owned),
        ..TokenRequestRecord::default()
    }
}

fn report(record: &TokenRequestRecord, error: Option<&OAuthError>) {
    let client = record.client_id.as_deref().unwrap_or("unknown");
    match error {
        None => tracing::info!(
            client,
            grant_type = record.grant_type,
            audiences = record.answered_audiences.join(" "),
            "token issued"
        ),
        Some(error) => tracing::warn!(
            client,
            grant_type = record.grant_type,
            error = error.code.name(),
            reason = error.description,
            "token refused"
        ),
    }
}

impl Provider {
    fn answer_token_request(
        &self,
        headers: &HeaderMap,
        parameters: &Parameters,
        record: &mut TokenRequestRecord,
    ) -> Result<TokenResponse, OAuthError> {
        let grant_type = GrantType::named(parameters.required("grant_type")?);
        if let Some(grant_type) = grant_type {
            *self.count().token_requests.entry(grant_type).or_default() += 1;
        }
        let client = self.authenticate_client(headers, parameters)?;
        record.client_id = Some(client.id.clone());
        record.client_authentication = Some(client.method.name());
        let grant_type = grant_type.ok_or_else(|| {
            OAuthError::new(
                ErrorCode::UnsupportedGrantType,
                "this provider has authorization_code, refresh_token, client_credentials and \
                 token-exchange",
            )
        })?;
        client.may_use(grant_type)?;
        match grant_type {
            GrantType::AuthorizationCode => self.redeem_code(&client, parameters),
            GrantType::RefreshToken => self.refresh(&client, parameters),
            GrantType::ClientCredentials => self.client_credentials(&client, parameters),
            GrantType::TokenExchange => self.exchange(&client, parameters),
        }
    }

    /// Decides the target of a token from the request and what was granted.
    fn decide_target(
        &self,
        client: &AuthenticatedClient<'_>,
        request: (GrantType, &Parameters),
        (granted, login_targets): (&Scopes, &[String]),
    ) -> Result<TokenTarget, OAuthError> {
        let (grant_type, parameters) = request;
        let narrowed = parameters.one("scope")?.map(Scopes::parse);
        TargetRequest {
            configuration: &self.configuration,
            client: client.settings,
            modes: &self.modes(),
            issuer: &self.issuer,
            grant_type,
            granted,
            narrowed: narrowed.as_ref(),
            targets: &parameters.targets(),
            login_targets,
        }
        .decide()
    }
}
