//! Token exchange (RFC 8693). It spends no refresh token, so services do not wait for each other;
//! but it starts from a login token that has not ended, which is renewed first where needed.

use std::time::Duration;

use serde::Deserialize;
use tokenbridge_bridge::grant::{RefreshGrant, Written};
use tokenbridge_bridge::service::TokenPlan;
use tokenbridge_bridge::session::Reading;
use tokenbridge_bridge::token::{MintRefusalReason, ServiceToken, TokenSlot};
use tokenbridge_bridge::{Secret, UnixTime};
use tokenbridge_config::issuer::SubjectToken;
use tokenbridge_session_store::StoreError;

use crate::minting::Minting;
use crate::minting::distinct::Put;
use crate::minting::order::{Minted, Order, Refused, Trigger};
use crate::minting::rules::{ExchangeStep, RefusalCost, Rules};
use crate::minting::slots::judge;
use crate::minting::turn::{Errand, Goal};
use crate::tokens::ReadProblem;
use crate::tokens::request::{ACCESS_TOKEN_TYPE, ID_TOKEN_TYPE, JWT_TYPE, TokenRequest};
use crate::tokens::response::TokenResponse;

/// A subject token with less life left than this is renewed first.
pub(super) const LEFT: Duration = Duration::from_secs(10);
/// What a login token that tells no end is taken to last.
const UNTOLD: Duration = Duration::from_secs(60);

impl Minting {
    /// Gets a token by exchanging the login's.
    pub(super) async fn exchange(&self, order: &Order, plan: &TokenPlan) -> Minted {
        self.try_exchange(order, plan)
            .await
            .unwrap_or_else(Minted::from)
    }

    async fn try_exchange(&self, order: &Order, plan: &TokenPlan) -> Result<Minted, StoreError> {
        let slot = match self
            .ports
            .store
            .read(&order.session, &order.service)
            .await?
        {
            Reading::Found(session) => session.slot,
            Reading::Replaced | Reading::Absent | Reading::Unreadable => {
                return Ok(Minted::SessionGone);
            }
        };
        if !self.needed(order, slot.as_ref()) {
            return Ok(Minted::There { fresh: false });
        }
        let mut refused = None;
        loop {
            let subject = match self.subject(order, plan, refused.as_ref()).await? {
                Ok(subject) => subject,
                Err(minted) => return Ok(minted),
            };
            let typed = (&subject, self.subject_type());
            let request = TokenRequest::exchange(plan, self.preset(plan), typed);
            let call = self.call().await;
            let answer = self.ports.issuer.token(&request).await;
            drop(call);
            match self.rules.exchange_step(answer) {
                // The login token may have been ended at the provider: once more with a new one.
                ExchangeStep::SubjectRefused(_) if refused.is_none() => refused = Some(subject),
                step => {
                    return self
                        .settle_exchange((order, plan), slot.as_ref(), step)
                        .await;
                }
            }
        }
    }

    async fn settle_exchange(
        &self,
        (order, plan): (&Order, &TokenPlan),
        slot: Option<&TokenSlot>,
        step: ExchangeStep,
    ) -> Result<Minted, StoreError> {
        let refusal = match step {
            ExchangeStep::Judge(response) => {
                return self.judge_exchanged((order, plan), slot, &response).await;
            }
            ExchangeStep::SubjectRefused(why) => Refused::new(MintRefusalReason::GrantRefused, why),
            ExchangeStep::Refuse(refusal, configured) => {
                if configured {
                    self.suspend(order, &refusal, RefusalCost::Harmless);
                }
                refusal
            }
            ExchangeStep::BackOff(refusal) => refusal,
        };
        self.write_refusal(order, slot, refusal).await
    }

    /// A subject token that has not ended and that is not `refused`.
    async fn subject(
        &self,
        order: &Order,
        plan: &TokenPlan,
        refused: Option<&Secret>,
    ) -> Result<Result<Secret, Minted>, StoreError> {
        let grant = plan.grant();
        // One that was just renewed serves even where the provider's tokens live for seconds.
        for (renew, left) in [(true, LEFT), (false, Duration::ZERO)] {
            let Some(found) = self.ports.store.grant(&order.session, &grant).await? else {
                return Ok(Err(Minted::SessionGone));
            };
            let until = self.ports.clock.now().plus(left);
            if let Some(subject) = subject(self.rules, &found, refused, until) {
                return Ok(Ok(subject));
            }
            if renew {
                let goal = Goal::LoginToken { refused };
                match self.fly(Errand { order, plan, goal }).await {
                    Minted::There { .. } => {}
                    other => return Ok(Err(other)),
                }
            }
        }
        Ok(Err(Minted::refused(
            MintRefusalReason::BadResponse,
            "the provider gives no login token that an exchange could start from",
        )))
    }

    fn subject_type(&self) -> &'static str {
        match self.rules.subject_token {
            SubjectToken::IdToken => ID_TOKEN_TYPE,
            SubjectToken::AccessToken => ACCESS_TOKEN_TYPE,
        }
    }

    async fn judge_exchanged(
        &self,
        (order, plan): (&Order, &TokenPlan),
        slot: Option<&TokenSlot>,
        response: &TokenResponse,
    ) -> Result<Minted, StoreError> {
        let token = match serves_as_access_token(response.issued_token_type.as_deref()) {
            true => self.ports.issuer.read_access_token(plan, response).await,
            false => Err(ReadProblem::Invalid(
                "issued_token_type is neither an access token nor a JWT".into(),
            )),
        };
        let refusal = match token {
            Ok(token) => match judge(plan, &token) {
                Ok(()) => {
                    let forced = matches!(order.trigger, Trigger::Rejected(_));
                    let token = ServiceToken { forced, ..token };
                    match self.put_token(&order.session, plan, token, None).await? {
                        Put::Asked(Written::Stored | Written::Stale) => {
                            return Ok(Minted::There { fresh: true });
                        }
                        Put::Asked(Written::Gone) => return Ok(Minted::SessionGone),
                        Put::Refused(refusal) => refusal,
                    }
                }
                Err(refusal) => refusal,
            },
            Err(ReadProblem::NoKeys(why)) => Refused::new(MintRefusalReason::Unavailable, why),
            Err(ReadProblem::Invalid(why)) => Refused::new(MintRefusalReason::BadResponse, why),
        };
        self.write_refusal(order, slot, refusal).await
    }
}

/// The grant's subject token, if it lives beyond a time.
pub(super) fn subject(
    rules: Rules,
    grant: &RefreshGrant,
    refused: Option<&Secret>,
    until: UnixTime,
) -> Option<Secret> {
    let (token, ends) = match rules.subject_token {
        SubjectToken::IdToken => {
            let token = grant.id_token.clone()?;
            let ends = end_of(&token)?;
            (token, ends)
        }
        SubjectToken::AccessToken => grant.access_token.clone()?,
    };
    (ends > until && refused != Some(&token)).then_some(token)
}

/// The login's own access token and its end, as an answer brings them.
pub(crate) fn login_token(response: &TokenResponse, now: UnixTime) -> Option<(Secret, UnixTime)> {
    let token = response.access_token.clone()?;
    let ends = match response.expires_in {
        Some(life) => now.plus(life),
        None => end_of(&token).unwrap_or_else(|| now.plus(UNTOLD)),
    };
    Some((token, ends))
}

/// `exp` of a JWT that the provider itself will judge: it is not verified here.
fn end_of(token: &Secret) -> Option<UnixTime> {
    #[derive(Deserialize)]
    struct End {
        exp: u64,
    }
    let end: End = jsonwebtoken::dangerous::insecure_decode_claims(token.expose()).ok()?;
    Some(UnixTime::from_seconds(end.exp))
}

/// Whether what an exchange gave may be sent to a service (RFC 8693 § 2.2.1).
fn serves_as_access_token(issued: Option<&str>) -> bool {
    matches!(issued, Some(ACCESS_TOKEN_TYPE | JWT_TYPE))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_access_token_serves_as_one() {
        for (issued, serves) in [
            (Some(ACCESS_TOKEN_TYPE), true),
            (Some(JWT_TYPE), true),
            (Some(ID_TOKEN_TYPE), false),
            (
                Some("urn:ietf:params:oauth:token-type:refresh_token"),
                false,
            ),
            (Some(""), false),
            (None, false),
        ] {
            assert_eq!(serves_as_access_token(issued), serves, "{issued:?}");
        }
    }

    #[test]
    fn a_subject_that_does_not_live_long_enough_is_none() {
        let rules = |subject_token| Rules {
            preset: tokenbridge_config::preset::Preset::Keycloak,
            refresh_retry: tokenbridge_config::issuer::RefreshRetry::Never,
            subject_token,
            idle: tokenbridge_bridge::session::IdleTimeout(Duration::from_secs(1_800)),
            timing: tokenbridge_bridge::renewal::RenewalTiming {
                threshold: Duration::ZERO,
            },
            answer_deadline: Duration::ZERO,
        };
        let at = UnixTime::from_seconds;
        let grant = |token: &str, ends| RefreshGrant {
            refresh_token: None,
            generation: tokenbridge_bridge::grant::Generation::FIRST,
            scopes: None,
            access_token: Some((Secret::new(token), at(ends))),
            id_token: None,
        };
        let by_access_token = rules(SubjectToken::AccessToken);
        let found = |ends, refused: Option<&str>| {
            let refused = refused.map(Secret::new);
            subject(
                by_access_token,
                &grant("t", ends),
                refused.as_ref(),
                at(1_000),
            )
        };
        assert_eq!(found(1_001, None), Some(Secret::new("t")));
        assert_eq!(found(1_000, None), None);
        assert_eq!(found(2_000, Some("t")), None);
        assert_eq!(found(2_000, Some("u")), Some(Secret::new("t")));
        let by_id_token = rules(SubjectToken::IdToken);
        assert_eq!(
            subject(by_id_token, &grant("t", 2_000), None, at(1_000)),
            None
        );
    }
}
