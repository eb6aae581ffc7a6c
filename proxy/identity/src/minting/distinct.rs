//! No token value serves two services of different audiences: however wide the audience is that a
//! service accepts, what one service was given opens no other one. Strategy `login` is the
//! exception by its meaning, as there one token is wanted for all of its services.

use std::collections::BTreeMap;

use tokenbridge_bridge::grant::{Generation, GrantName, Written};
use tokenbridge_bridge::service::{ServiceName, Strategy, TokenFormat, TokenPlan};
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_bridge::token::{MintRefusalReason, ServiceToken, TokenSlot};
use tokenbridge_session_store::{Described, StoreError};

use crate::minting::Minting;
use crate::minting::order::Refused;

/// What became of a token that was to be put into a session.
pub(super) enum Put {
    /// The store was asked to take it.
    Asked(Written),
    /// Another service has it.
    Refused(Refused),
}

impl Minting {
    /// Puts a judged token where it belongs, unless another service of the session has the same.
    /// Two services may be minted at once, so what was put is looked at once more: of two that are
    /// alike, one is found at the latest by whoever looks last.
    pub(super) async fn put_token(
        &self,
        session: &SessionKey,
        plan: &TokenPlan,
        token: ServiceToken,
        guard: Option<(&GrantName, Generation)>,
    ) -> Result<Put, StoreError> {
        if let Some(refused) = self.shared(session, plan, &token).await? {
            return Ok(Put::Refused(refused));
        }
        let slot = TokenSlot::Token(token);
        let written = self.put(session, plan, &slot, guard).await?;
        if let (Written::Stored, TokenSlot::Token(token)) = (&written, &slot)
            && let Some(refused) = self.shared(session, plan, token).await?
        {
            let slot = self.refusal_slot(&refused);
            let _ = self.put(session, plan, &slot, guard).await?;
            return Ok(Put::Refused(refused));
        }
        Ok(Put::Asked(written))
    }

    /// Asks the store only where the token could stand at another service at all.
    async fn shared(
        &self,
        session: &SessionKey,
        plan: &TokenPlan,
        token: &ServiceToken,
    ) -> Result<Option<Refused>, StoreError> {
        let rivals: Vec<&TokenPlan> = self
            .plans
            .iter()
            .filter(|other| may_both_have(plan, other, token))
            .collect();
        if rivals.is_empty() {
            return Ok(None);
        }
        let slots = match self.ports.store.describe(session).await? {
            Described::Found(found) => found.slots,
            Described::Replaced | Described::Absent | Described::Unreadable => BTreeMap::new(),
        };
        let has_it = |other: &&&TokenPlan| match slots.get(&other.service) {
            Some(TokenSlot::Token(theirs)) => theirs.value == token.value,
            Some(TokenSlot::Refused(_)) | None => false,
        };
        let found = rivals.iter().find(has_it);
        Ok(found.map(|other| refused_as_shared(plan, &other.service, token)))
    }
}

/// Whether a service that a token was judged for and another one must not both have it, although
/// the other one would take it.
pub(super) fn may_both_have(plan: &TokenPlan, other: &TokenPlan, token: &ServiceToken) -> bool {
    let (Some(own), Some(theirs)) = (&plan.audience, &other.audience) else {
        return false;
    };
    let by_login = plan.strategy == Strategy::Login && other.strategy == Strategy::Login;
    let unread = plan.format == TokenFormat::Unintrospected;
    own.expected != theirs.expected
        && !by_login
        && (unread || theirs.judge(&token.audiences).is_ok())
}

/// Why a service does not get a token that another service has.
pub(super) fn refused_as_shared(
    plan: &TokenPlan,
    other: &ServiceName,
    token: &ServiceToken,
) -> Refused {
    Refused {
        came: token.audiences.clone(),
        scopes: token.scopes.clone(),
        life: Some(token.expires_at.since(token.issued_at)),
        ..Refused::new(
            MintRefusalReason::SharedToken,
            format!(
                "the provider answered with the token that {other} has: asked={}",
                plan.asked()
            ),
        )
    }
}
