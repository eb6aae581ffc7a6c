//! The authorization code grant (RFC 6749 § 4.1.3) with PKCE (RFC 7636).

use super::response::TokenResponse;
use crate::provider::client_authentication::AuthenticatedClient;
use crate::provider::grant_type::GrantType;
use crate::provider::issue::AccessTokenOrder;
use crate::provider::ledger::{Code, CodeRefusal, Grant};
use crate::provider::oauth_error::{ErrorCode, OAuthError};
use crate::provider::parameters::Parameters;
use crate::provider::state::Provider;
use crate::random::{Fingerprint, random_value};

impl Provider {
    pub(super) fn redeem_code(
        &self,
        client: &AuthenticatedClient<'_>,
        parameters: &Parameters,
    ) -> Result<TokenResponse, OAuthError> {
        let presented = parameters.required("code")?;
        let verifier = parameters.required("code_verifier")?;
        let redirect_uri = parameters.required("redirect_uri")?;
        let now = self.now();
        let redeemed = self.ledger().redeem_code(presented, &client.id, now);
        let (code, grant) = redeemed.map_err(|refusal| self.refuse_code(refusal))?;
        check_proof(&code, verifier, redirect_uri)?;
        let target = self.decide_target(
            client,
            (GrantType::AuthorizationCode, parameters),
            (&grant.scopes, &grant.login_targets),
        )?;
        let access_token = self.issue_access_token(&AccessTokenOrder {
            client_id: &client.id,
            client: client.settings,
            subject: &grant.subject,
            auth_time: Some(grant.auth_time),
            grant: Some(code.grant),
            target: &target,
        })?;
        let id_token = self.id_token_of_login(&grant, &access_token.value)?;
        let mut response = TokenResponse::new(access_token, target);
        response.id_token = id_token;
        response.refresh_token = self.first_refresh_token(client, (&code, &grant))?;
        self.count().codes_redeemed += 1;
        Ok(response)
    }

    fn id_token_of_login(
        &self,
        grant: &Grant,
        access_token: &str,
    ) -> Result<Option<String>, OAuthError> {
        if !grant.scopes.contains("openid") {
            return Ok(None);
        }
        let nonce = grant.nonce.as_deref();
        let token = self.issue_id_token(grant, access_token, nonce)?;
        Ok(Some(token))
    }

    /// A refresh token comes with `offline_access` only (OpenID Connect Core § 11).
    fn first_refresh_token(
        &self,
        client: &AuthenticatedClient<'_>,
        (code, grant): (&Code, &Grant),
    ) -> Result<Option<String>, OAuthError> {
        if !grant.scopes.contains("offline_access") {
            return Ok(None);
        }
        let token = random_value()?;
        let expires_at = self.now() + self.refresh_token_lifetime(client.settings);
        self.ledger()
            .keep_refresh_token(&token, code.grant, expires_at);
        Ok(Some(token))
    }

    fn refuse_code(&self, refusal: CodeRefusal) -> OAuthError {
        let reason = match refusal {
            CodeRefusal::Unknown => "the code is unknown",
            CodeRefusal::OtherClient => "the code was given to another client",
            CodeRefusal::Expired => "the code is older than a minute",
            CodeRefusal::Used { family_revoked } => {
                let mut counters = self.count();
                counters.codes_reused += 1;
                counters.families_revoked += u64::from(family_revoked);
                "the code was used before; what it gave is revoked"
            }
        };
        OAuthError::new(ErrorCode::InvalidGrant, reason)
    }
}

fn check_proof(code: &Code, verifier: &str, redirect_uri: &str) -> Result<(), OAuthError> {
    let refused = |reason| Err(OAuthError::new(ErrorCode::InvalidGrant, reason));
    if Fingerprint::of(verifier).base64url() != code.challenge {
        return refused("code_verifier does not belong to the code_challenge");
    }
    if redirect_uri != code.redirect_uri {
        return refused("redirect_uri is not the one of the authorization request");
    }
    Ok(())
}
