//! When a browser is sent to the provider without its user having asked for it.

use std::time::Duration;

use sha2::{Digest, Sha256};
use tokenbridge_bridge::admission::refused;
use tokenbridge_bridge::rejection::Refusal;
use tokenbridge_bridge::service::{ServiceName, Strategy};
use tokenbridge_bridge::session::{Reading, SessionKey, Subject};
use tokenbridge_bridge::token::MintRefusalReason;

use crate::health::ProviderState;
use crate::identity::Identity;
use crate::relying_party::RelyingParty;

/// How often a navigation is sent to the provider by itself for one service of a session...
const BY_ITSELF: u8 = 3;
/// ... in this time: a provider whose answers never help must not send the browser in circles.
const IN: Duration = Duration::from_secs(60);

impl Identity {
    /// Whether a navigation that needs a service's own authorization, or another login, should be
    /// sent to the provider by itself: a few times a minute in the whole fleet, so that it never goes round
    /// in circles.
    ///
    /// # Errors
    /// The provider is known not to answer: nobody is sent there.
    pub async fn may_authorize(
        &self,
        session: &SessionKey,
        service: &ServiceName,
        navigates: bool,
    ) -> Result<bool, Refusal> {
        let Some(plan) = self.party.minting.plan(service) else {
            return Ok(false);
        };
        if self.health().state == ProviderState::Down {
            let why = "a new authorization is needed";
            return Err(refused(plan, MintRefusalReason::Unavailable, why));
        }
        if !navigates {
            return Ok(false);
        }
        Ok(match plan.strategy {
            Strategy::Authorize => self.party.may_hop(session, service).await,
            Strategy::Login | Strategy::Refresh | Strategy::Exchange => {
                let read = self.party.store.read(session, service).await;
                match read {
                    Ok(Reading::Found(found)) => {
                        let user = &found.facts.subject;
                        self.party.may_log_in_again(user, service).await
                    }
                    Ok(Reading::Replaced | Reading::Absent | Reading::Unreadable) | Err(_) => false,
                }
            }
            Strategy::ClientCredentials => false,
        })
    }
}

impl RelyingParty {
    /// Whether a navigation may be sent to the provider by itself for a service: a few times a
    /// minute in the whole fleet. A store that does not answer says no.
    pub(crate) async fn may_hop(&self, session: &SessionKey, service: &ServiceName) -> bool {
        self.may("hop", session.as_bytes(), service).await
    }

    /// Whether a user whose session can only be mended by another one may be sent to log in by
    /// itself. Counted by the user: the session is another one afterwards.
    pub(crate) async fn may_log_in_again(&self, user: &Subject, service: &ServiceName) -> bool {
        let user: [u8; 32] = Sha256::new()
            .chain_update(&user.issuer)
            .chain_update([0])
            .chain_update(&user.subject)
            .finalize()
            .into();
        self.may("login", &user, service).await
    }

    async fn may(&self, what: &str, who: &[u8; 32], service: &ServiceName) -> bool {
        for nth in 0..BY_ITSELF {
            let mark: [u8; 32] = Sha256::new()
                .chain_update(format!("tokenbridge {what} by itself\0"))
                .chain_update(who)
                .chain_update([nth])
                .chain_update(service.as_str())
                .finalize()
                .into();
            match self.store.claim_once(&mark, IN).await {
                Ok(true) => return true,
                Ok(false) => {}
                Err(_) => return false,
            }
        }
        false
    }
}
