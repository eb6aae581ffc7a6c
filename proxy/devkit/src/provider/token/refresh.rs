//! The refresh grant (RFC 6749 § 6), with rotation and reuse detection (RFC 9700 § 4.14.2).

use super::response::TokenResponse;
use crate::provider::client_authentication::AuthenticatedClient;
use crate::provider::grant_type::GrantType;
use crate::provider::issue::AccessTokenOrder;
use crate::provider::ledger::{Grant, GrantId, Ledger, RefreshRefusal};
use crate::provider::mode::Mode;
use crate::provider::oauth_error::{ErrorCode, OAuthError};
use crate::provider::parameters::Parameters;
use crate::provider::state::Provider;
use crate::provider::target::TokenTarget;
use crate::random::random_value;

/// What one step of the ledger gave.
struct Rotated {
    id: GrantId,
    grant: Grant,
    target: TokenTarget,
    next_token: String,
}

impl Provider {
    pub(super) fn refresh(
        &self,
        client: &AuthenticatedClient<'_>,
        parameters: &Parameters,
    ) -> Result<TokenResponse, OAuthError> {
        let rotated = self.rotate(client, parameters)?;
        let access_token = self.issue_access_token(&AccessTokenOrder {
            client_id: &client.id,
            client: client.settings,
            subject: &rotated.grant.subject,
            auth_time: Some(rotated.grant.auth_time),
            grant: Some(rotated.id),
            target: &rotated.target,
        })?;
        let id_token = if rotated.grant.scopes.contains("openid") {
            Some(self.issue_id_token(&rotated.grant, &access_token.value, None)?)
        } else {
            None
        };
        let mut response = TokenResponse::new(access_token, rotated.target);
        response.id_token = id_token;
        response.refresh_token = Some(rotated.next_token);
        self.count().refreshes += 1;
        Ok(response)
    }

    /// Presents, decides and spends in one step, so that of two uses at once one is the second.
    fn rotate(
        &self,
        client: &AuthenticatedClient<'_>,
        parameters: &Parameters,
    ) -> Result<Rotated, OAuthError> {
        let presented = parameters.required("refresh_token")?;
        let next_token = random_value()?;
        let now = self.now();
        let mut ledger = self.ledger();
        let (id, grant, replay) = ledger
            .present_refresh_token(presented, &client.id, (now, self.refresh_token_grace()))
            .map_err(|refusal| self.refuse_refresh_token(refusal))?;
        let target = self.decide_target(
            client,
            (GrantType::RefreshToken, parameters),
            (&grant.scopes, &grant.login_targets),
        );
        if target.is_ok() || self.has(Mode::RefusedTargetSpends) {
            ledger.spend_refresh_token(presented, now);
        }
        let target = target?;
        if replay {
            self.note_replay(&mut ledger, presented);
        }
        ledger.link_successor(presented, &next_token);
        let expires_at = now + self.refresh_token_lifetime(client.settings);
        ledger.keep_refresh_token(&next_token, id, expires_at);
        Ok(Rotated {
            id,
            grant,
            target,
            next_token,
        })
    }

    fn note_replay(&self, ledger: &mut Ledger, presented: &str) {
        self.count().replays_within_grace += 1;
        if self.has(Mode::ReplayRevokesNewer) {
            ledger.revoke_successors(presented);
        }
    }

    fn refuse_refresh_token(&self, refusal: RefreshRefusal) -> OAuthError {
        let reason = match refusal {
            RefreshRefusal::Dead => {
                "the refresh token is unknown, expired, revoked or another client's"
            }
            RefreshRefusal::Reused { family_revoked } => {
                let mut counters = self.count();
                counters.reuse_detections += 1;
                counters.families_revoked += u64::from(family_revoked);
                "the refresh token was used before; all tokens of its login are revoked"
            }
        };
        OAuthError::new(ErrorCode::InvalidGrant, reason)
    }
}
