//! Where the browser goes after one service's own authorization.

use tokenbridge_bridge::admission::refused;
use tokenbridge_bridge::rejection::Refusal;
use tokenbridge_bridge::return_to::ReturnTo;
use tokenbridge_bridge::service::{ServiceName, TokenPlan};
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_bridge::token::MintRefusalReason;

use crate::login::hop::{Hop, HopKind};
use crate::login::landing::Landing;
use crate::login::{Finished, Redirect};
use crate::minting::order::{Minted, Refused};
use crate::provider::discovery::Metadata;
use crate::relying_party::RelyingParty;

impl RelyingParty {
    /// Behind a login: on to the next service, as long as that makes sense, and to where the user
    /// was going in any case.
    pub(crate) async fn go_on(
        &self,
        metadata: &Metadata,
        landing: Landing,
        (session, rest): (SessionKey, Vec<ServiceName>),
        return_to: ReturnTo,
    ) -> Finished {
        if let Landing::OtherLogin { granted, .. } = &landing {
            self.minting.revoke(granted);
        }
        let next = match next_makes_sense(&landing) {
            true => {
                let hint = self.newest_id_token(&session).await;
                let services = (session, rest);
                self.next_hop(metadata, services, return_to.clone(), hint.as_ref())
            }
            false => {
                if !rest.is_empty() {
                    tracing::info!(target: "tokenbridge", left = rest.len(), "the authorizations behind a login stop here; what is left comes on demand");
                }
                Ok(None)
            }
        };
        Finished::Onward(match next {
            Ok(Some(redirect)) => redirect,
            Ok(None) | Err(_) => Redirect::to(&return_to),
        })
    }

    /// On demand: to where the user was going, or once more with the user's help.
    pub(crate) async fn arrive(
        &self,
        metadata: &Metadata,
        landing: Landing,
        (session, plan, silent): (SessionKey, &TokenPlan, bool),
        return_to: ReturnTo,
    ) -> Result<Finished, Refusal> {
        let refused_hop = match landing {
            Landing::Landed(Minted::There { .. } | Minted::SessionGone) => {
                return Ok(Finished::Onward(Redirect::to(&return_to)));
            }
            Landing::Landed(Minted::StoreUnavailable(error)) => return Err(error.into()),
            Landing::Landed(Minted::Refused(refused)) => refused,
            Landing::OtherLogin { user, granted } => {
                // A login replaces the session, and its tokens then hang together with these.
                if self.may_log_in_again(&user, &plan.service).await {
                    let login = self.redirect(metadata, return_to, true, &[])?;
                    return Ok(Finished::Onward(login));
                }
                self.minting.revoke(&granted);
                Refused::new(
                    MintRefusalReason::InteractionRequired,
                    "every authorization belongs to another session at the provider",
                )
            }
        };
        if silent && refused_hop.reason == MintRefusalReason::InteractionRequired {
            let hop = Hop {
                session,
                service: plan.service.clone(),
                kind: HopKind::OnDemand { silent: false },
            };
            let hint = self.newest_id_token(&session).await;
            let redirect = self.hop(metadata, return_to, hop, hint.as_ref())?;
            return Ok(Finished::Onward(redirect));
        }
        Err(Refusal {
            retry_after: refused_hop.retry_after,
            ..refused(plan, refused_hop.reason, &refused_hop.detail)
        })
    }
}

/// Whether what happened to one service says nothing about the next one.
fn next_makes_sense(landing: &Landing) -> bool {
    match landing {
        Landing::Landed(Minted::There { .. }) => true,
        Landing::Landed(Minted::Refused(refused)) => match refused.reason {
            MintRefusalReason::NoAudience
            | MintRefusalReason::InvalidTarget
            | MintRefusalReason::InvalidScope
            | MintRefusalReason::WrongAudience
            | MintRefusalReason::SharedToken
            | MintRefusalReason::BadResponse => true,
            MintRefusalReason::NoRefreshToken
            | MintRefusalReason::GrantRefused
            | MintRefusalReason::ClientRefused
            | MintRefusalReason::Unavailable
            | MintRefusalReason::InteractionRequired => false,
        },
        Landing::Landed(Minted::SessionGone | Minted::StoreUnavailable(_))
        | Landing::OtherLogin { .. } => false,
    }
}
