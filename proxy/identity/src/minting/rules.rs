//! What to make of an answer, and when a refresh may be sent again. No I/O, no clock.

use std::time::Duration;

use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::renewal::RenewalTiming;
use tokenbridge_bridge::session::IdleTimeout;
use tokenbridge_bridge::token::{MintRefusalReason, TokenSlot};
use tokenbridge_config::issuer::{RefreshRetry, SubjectToken};
use tokenbridge_config::preset::Preset;

use crate::minting::order::{Refused, Trigger};
use crate::tokens::response::{Answer, OauthError, OauthErrorKind, Processed, TokenResponse};

/// How the provider is to be treated, and how long things take.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Rules {
    pub(crate) preset: Preset,
    pub(crate) refresh_retry: RefreshRetry,
    /// Which token is the subject of an exchange.
    pub(crate) subject_token: SubjectToken,
    pub(crate) timing: RenewalTiming,
    /// After how long without use a session is over.
    pub(crate) idle: IdleTimeout,
    /// How long after sending an answer may still come.
    pub(crate) answer_deadline: Duration,
}

/// What a flight does next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Store what came, then judge it.
    Keep(Box<TokenResponse>),
    /// The refresh token itself is refused.
    GrantRefused(String),
    /// This service is refused, the session lives on.
    Refuse {
        refused: Refused,
        /// What the refusal did to the refresh token; `None`: it was refused for want of the user.
        cost: Option<RefusalCost>,
    },
    /// The answer is here, or the request never was there: try again later.
    BackOff(Refused),
    /// The answer may be lost: the refresh token may be spent.
    Lost(Refused),
}

/// What an exchange does next. It spends nothing, so nothing of it can be lost.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ExchangeStep {
    /// Judge the token.
    Judge(Box<TokenResponse>),
    /// The subject token is refused, or the user for this service: never the session.
    SubjectRefused(String),
    /// This service is refused, the session lives on. `true`: it is the configuration's fault.
    Refuse(Refused, bool),
    /// Try again later.
    BackOff(Refused),
}

/// What a refused target or scope does to the refresh token that was sent along.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefusalCost {
    /// Nothing: it can be tried again in a while.
    Harmless,
    /// Nobody knows.
    Unknown,
    /// It is spent, and using it again would end the grant.
    Spent,
}

/// A success of which nothing can be read may have rotated the refresh token all the same.
fn granted(response: Box<TokenResponse>) -> Step {
    let brought_nothing = response.access_token.is_none() && response.refresh_token.is_none();
    match &response.problem {
        Some(problem) if brought_nothing => Step::Lost(Refused::new(
            MintRefusalReason::BadResponse,
            problem.clone(),
        )),
        Some(_) | None => Step::Keep(response),
    }
}

impl Rules {
    /// What to do with an answer to a refresh.
    pub(crate) fn step(&self, answer: Answer) -> Step {
        use MintRefusalReason as Reason;
        match answer {
            Answer::Granted(response) => granted(response),
            Answer::Refused(error) => self.refusal(error),
            // It came, so nothing is outstanding; what it means nobody can tell.
            Answer::Unreadable { status } => {
                let detail = format!("an answer with status {status} that cannot be read");
                Step::BackOff(Refused {
                    unreadable: true,
                    ..Refused::new(Reason::Unavailable, detail)
                })
            }
            Answer::Failed(failure) => {
                let refused = Refused {
                    retry_after: failure.retry_after,
                    ..Refused::new(Reason::Unavailable, failure.what)
                };
                match failure.processed {
                    Processed::No => Step::BackOff(refused),
                    Processed::Maybe => Step::Lost(refused),
                }
            }
        }
    }

    fn refusal(&self, error: OauthError) -> Step {
        use MintRefusalReason as Reason;
        let detail = format!("the provider answered {}", error.code);
        let refused = |reason| Refused::new(reason, detail.clone());
        match error.kind {
            OauthErrorKind::InvalidGrant => Step::GrantRefused(detail),
            OauthErrorKind::InvalidTarget => Step::Refuse {
                refused: refused(Reason::InvalidTarget),
                cost: Some(target_cost(self.preset)),
            },
            OauthErrorKind::InvalidScope => Step::Refuse {
                refused: refused(Reason::InvalidScope),
                cost: Some(scope_cost(self.preset)),
            },
            OauthErrorKind::InteractionRequired => Step::Refuse {
                refused: refused(Reason::InteractionRequired),
                cost: None,
            },
            OauthErrorKind::ClientRefused => Step::BackOff(refused(Reason::ClientRefused)),
            OauthErrorKind::Temporary => Step::BackOff(refused(Reason::Unavailable)),
            OauthErrorKind::Other => Step::BackOff(refused(Reason::BadResponse)),
        }
    }

    /// What to do with an answer to an exchange.
    pub(crate) fn exchange_step(&self, answer: Answer) -> ExchangeStep {
        if let Answer::Refused(error) = &answer
            && matches!(
                error.code.as_str(),
                "invalid_grant" | "invalid_request" | "invalid_token"
            )
        {
            // Keycloak says invalid_request where its subject has ended.
            let detail = format!("the provider answered {} to the exchange", error.code);
            return ExchangeStep::SubjectRefused(detail);
        }
        match self.step(answer) {
            Step::Keep(response) => ExchangeStep::Judge(response),
            Step::Refuse { refused, cost } => ExchangeStep::Refuse(refused, cost.is_some()),
            Step::GrantRefused(detail) => ExchangeStep::SubjectRefused(detail),
            Step::BackOff(refused) | Step::Lost(refused) => ExchangeStep::BackOff(Refused {
                unreadable: false,
                ..refused
            }),
        }
    }

    /// Whether a refresh whose answer was lost may be sent again. `elapsed`: since it was first
    /// sent. `live`: whether the session has any valid token to lose.
    pub(crate) fn may_resend(&self, elapsed: Duration, live: bool) -> bool {
        match self.refresh_retry {
            RefreshRetry::Safe => true,
            RefreshRetry::Within(limit) if elapsed < limit => true,
            RefreshRetry::Within(_) | RefreshRetry::Never => !live,
        }
    }

    /// Whether what stands in the session calls for a new token.
    pub(crate) fn needed(&self, slot: Option<&TokenSlot>, trigger: Trigger, now: UnixTime) -> bool {
        if trigger == Trigger::Probe {
            return true;
        }
        let token = match slot {
            Some(TokenSlot::Token(token)) if now < token.expires_at => token,
            Some(TokenSlot::Token(_) | TokenSlot::Refused(_)) | None => return true,
        };
        match trigger {
            Trigger::Login | Trigger::Demand | Trigger::Probe => false,
            // The earliest due time: whoever asked may have drawn a larger jitter.
            Trigger::Renewal => now >= self.timing.due_at(token.issued_at, token.expires_at, 0.1),
            // Another token may stand there by now, which nobody has rejected yet.
            Trigger::Rejected(issued_at) => {
                token.issued_at == issued_at && token.may_be_replaced(now)
            }
        }
    }
}

/// Seen on real providers: oidc-provider and Keycloak 26.7 spend the refresh token, Entra and
/// Duende do not spend refresh tokens at all.
fn target_cost(preset: Preset) -> RefusalCost {
    match preset {
        Preset::OidcProvider | Preset::Logto | Preset::Keycloak => RefusalCost::Spent,
        Preset::Entra | Preset::Duende => RefusalCost::Harmless,
        Preset::Generic
        | Preset::Auth0
        | Preset::Okta
        | Preset::Zitadel
        | Preset::Authentik
        | Preset::Hydra
        | Preset::Cognito => RefusalCost::Unknown,
    }
}

/// Seen on real providers: a refused scope leaves the refresh token of oidc-provider and Keycloak
/// alive.
fn scope_cost(preset: Preset) -> RefusalCost {
    match preset {
        Preset::OidcProvider
        | Preset::Logto
        | Preset::Keycloak
        | Preset::Entra
        | Preset::Duende => RefusalCost::Harmless,
        Preset::Generic
        | Preset::Auth0
        | Preset::Okta
        | Preset::Zitadel
        | Preset::Authentik
        | Preset::Hydra
        | Preset::Cognito => RefusalCost::Unknown,
    }
}

#[cfg(test)]
mod tests;
