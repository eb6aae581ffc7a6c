//! The client credentials grant (RFC 6749 § 4.4): the client's own token, without a user.

use super::response::TokenResponse;
use crate::provider::client_authentication::AuthenticatedClient;
use crate::provider::grant_type::GrantType;
use crate::provider::issue::AccessTokenOrder;
use crate::provider::oauth_error::OAuthError;
use crate::provider::parameters::Parameters;
use crate::provider::state::Provider;
use crate::scopes::Scopes;

/// Scopes that are about a user.
const USER_SCOPES: [&str; 4] = ["openid", "profile", "email", "offline_access"];

impl Provider {
    pub(super) fn client_credentials(
        &self,
        client: &AuthenticatedClient<'_>,
        parameters: &Parameters,
    ) -> Result<TokenResponse, OAuthError> {
        let own: Scopes = client
            .settings
            .scopes
            .iter()
            .map(String::as_str)
            .filter(|scope| !USER_SCOPES.contains(scope))
            .collect();
        let request = (GrantType::ClientCredentials, parameters);
        let target = self.decide_target(client, request, (&own, &[]))?;
        let access_token = self.issue_access_token(&AccessTokenOrder {
            client_id: &client.id,
            client: client.settings,
            subject: &client.id,
            auth_time: None,
            grant: None,
            target: &target,
        })?;
        self.count().client_credentials += 1;
        Ok(TokenResponse::new(access_token, target))
    }
}
