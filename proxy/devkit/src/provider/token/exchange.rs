//! Token exchange (RFC 8693): from a user's access token to one for another audience.

use super::foreign_subject::ANY_CLIENT;
use super::response::TokenResponse;
use crate::provider::client_authentication::AuthenticatedClient;
use crate::provider::grant_type::GrantType;
use crate::provider::issue::AccessTokenOrder;
use crate::provider::ledger::AccessToken;
use crate::provider::mode::Mode;
use crate::provider::oauth_error::{ErrorCode, OAuthError};
use crate::provider::parameters::Parameters;
use crate::provider::state::Provider;
use crate::scopes::Scopes;

const ACCESS_TOKEN: &str = "urn:ietf:params:oauth:token-type:access_token";
const JWT: &str = "urn:ietf:params:oauth:token-type:jwt";

impl Provider {
    pub(super) fn exchange(
        &self,
        client: &AuthenticatedClient<'_>,
        parameters: &Parameters,
    ) -> Result<TokenResponse, OAuthError> {
        if self.has(Mode::AuthorizeOnly) {
            return Err(OAuthError::new(
                ErrorCode::UnsupportedGrantType,
                "the mode authorize-only has no token exchange",
            ));
        }
        check_token_types(parameters)?;
        let subject_token = self.subject_token(client, parameters)?;
        let granted = Scopes::parse(subject_token.text("scope").unwrap_or_default());
        let request = (GrantType::TokenExchange, parameters);
        let target = self.decide_target(client, request, (&granted, &[]))?;
        let access_token = self.issue_access_token(&AccessTokenOrder {
            client_id: &client.id,
            client: client.settings,
            subject: subject_token.text("sub").unwrap_or_default(),
            auth_time: subject_token
                .claims
                .get("auth_time")
                .and_then(|time| time.as_u64()),
            grant: subject_token.grant,
            target: &target,
        })?;
        let mut response = TokenResponse::new(access_token, target);
        response.issued_token_type = Some(ACCESS_TOKEN);
        self.count().exchanges += 1;
        Ok(response)
    }

    /// The token that is exchanged: alive and the client's own.
    fn subject_token(
        &self,
        client: &AuthenticatedClient<'_>,
        parameters: &Parameters,
    ) -> Result<AccessToken, OAuthError> {
        let presented = parameters.required("subject_token")?;
        let now = self.now();
        let found = self.ledger().live_access_token(presented, now).cloned();
        // RFC 8693 § 2.2.2 answers invalid_request, not invalid_grant.
        found
            .filter(|token| [ANY_CLIENT, &client.id].contains(&token.client_id.as_str()))
            .ok_or_else(|| {
                OAuthError::new(
                    ErrorCode::InvalidRequest,
                    "subject_token is unknown, expired, revoked or another client's",
                )
            })
    }
}

fn check_token_types(parameters: &Parameters) -> Result<(), OAuthError> {
    let refused = |name: &str| {
        let reason = format!("{name} must be {ACCESS_TOKEN} or {JWT}");
        Err(OAuthError::new(ErrorCode::InvalidRequest, reason))
    };
    if !matches!(
        parameters.required("subject_token_type")?,
        ACCESS_TOKEN | JWT
    ) {
        return refused("subject_token_type");
    }
    if !matches!(
        parameters.one("requested_token_type")?,
        None | Some(ACCESS_TOKEN | JWT)
    ) {
        return refused("requested_token_type");
    }
    if parameters.one("actor_token")?.is_some() {
        return Err(OAuthError::new(
            ErrorCode::InvalidRequest,
            "actor_token is not supported; leave it out",
        ));
    }
    Ok(())
}
