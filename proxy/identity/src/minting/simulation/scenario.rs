//! What one seed is about: its provider, its configuration, and what goes wrong how often. Each
//! kind of trouble is absent in half of the seeds, so that the others are seen without it.

use std::time::Duration;

use tokenbridge_bridge::grant::GrantName;
use tokenbridge_bridge::renewal::RenewalTiming;
use tokenbridge_bridge::service::{
    Audience, AudienceCheck, AudiencePolicy, Mint, ServiceName, Strategy, TargetParameter,
    TokenFormat, TokenPlan,
};
use tokenbridge_bridge::session::IdleTimeout;
use tokenbridge_config::issuer::{RefreshRetry, SubjectToken};
use tokenbridge_config::preset::Preset;

use super::chance::Chance;
use crate::minting::rules::Rules;

/// How long the gateway waits for an answer of the provider.
pub(super) const ANSWER: Duration = Duration::from_secs(8);

/// What the services are called.
pub(super) const SERVICES: [&str; 4] = ["a", "b", "c", "d"];

/// What a provider does with a refresh token that is used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reuse {
    /// Refresh tokens stay the same.
    Static,
    /// It is refused, which costs nothing else.
    Refused,
    /// It ends the whole grant.
    Detected,
    /// Within this time it is answered once more; afterwards it ends the grant.
    Accepted(Duration),
    /// Within this time it is answered, and what the first use brought is revoked.
    RevokesNewer(Duration),
}

/// What the provider does with a target that it does not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Never,
    Harmless,
    Spends,
}

/// One seed's circumstances. Frequencies are in ten thousand.
#[derive(Clone, Debug)]
pub(super) struct Scenario {
    pub(super) replicas: usize,
    pub(super) reuse: Reuse,
    pub(super) refusal: Refusal,
    pub(super) refresh_retry: RefreshRetry,
    pub(super) preset: Preset,
    pub(super) strategies: Vec<Strategy>,
    /// Life of an access token.
    pub(super) life: u64,
    pub(super) idle: u64,
    pub(super) session_life: u64,
    /// How long there is trouble.
    pub(super) lasts: u64,
    pub(super) trouble: Trouble,
}

#[derive(Clone, Debug)]
pub(super) struct Trouble {
    /// Of each step of a replica.
    pub(super) kill: u64,
    pub(super) pause: u64,
    /// Of each call of the store.
    pub(super) store_lost: u64,
    pub(super) store_answer_lost: u64,
    pub(super) store_slow: u64,
    /// Of each call of the provider.
    pub(super) request_lost: u64,
    pub(super) answer_lost: u64,
    pub(super) provider_slow: u64,
    pub(super) provider_error: u64,
    /// A success arrives, but not as it should be.
    pub(super) garbled: u64,
    pub(super) subject_refused: u64,
    /// Of each event.
    pub(super) outage: u64,
    /// A replica is asked to stop, and lets its flights end.
    pub(super) stop: u64,
    pub(super) logout: u64,
    pub(super) rejection: u64,
    pub(super) abort: u64,
    pub(super) revocation: u64,
}

impl Scenario {
    pub(super) fn draw(chance: &mut Chance) -> Self {
        let second = Duration::from_secs;
        let reuse = match chance.below(7) {
            0 => Reuse::Static,
            1 => Reuse::Accepted(second(60)),
            2 => Reuse::Accepted(second(1_000_000)),
            3 => Reuse::RevokesNewer(second(chance.between(2, 40))),
            4 => Reuse::Refused,
            _ => Reuse::Detected,
        };
        // What an operator may set at such a provider.
        let refresh_retry = match reuse {
            Reuse::Static => chance.pick(&[RefreshRetry::Safe, RefreshRetry::Never]),
            Reuse::Accepted(window) if window > second(100) => {
                chance.pick(&[RefreshRetry::Safe, RefreshRetry::Within(second(30))])
            }
            Reuse::Accepted(_) => RefreshRetry::Within(second(chance.between(5, 30))),
            Reuse::RevokesNewer(_) | Reuse::Refused | Reuse::Detected => RefreshRetry::Never,
        };
        let refusal = match chance.below(6) {
            0 => Refusal::Harmless,
            1 => Refusal::Spends,
            _ => Refusal::Never,
        };
        let last = chance.pick(&[
            Strategy::Refresh,
            Strategy::Refresh,
            Strategy::Exchange,
            Strategy::Login,
        ]);
        let mut strategies = vec![Strategy::Refresh, Strategy::Refresh, last];
        if chance.below(3) == 0 {
            strategies.push(Strategy::Authorize);
        }
        Self {
            replicas: chance.index(2) + 2,
            reuse,
            refusal,
            refresh_retry,
            preset: match refusal {
                Refusal::Spends => Preset::OidcProvider,
                Refusal::Harmless => Preset::Duende,
                Refusal::Never => Preset::Generic,
            },
            strategies,
            life: chance.between(20, 60),
            idle: chance.between(60, 200),
            session_life: chance.between(100, 400),
            lasts: chance.between(30, 80),
            trouble: Trouble::draw(chance),
        }
    }

    pub(super) fn rules(&self) -> Rules {
        Rules {
            preset: self.preset,
            refresh_retry: self.refresh_retry,
            subject_token: SubjectToken::AccessToken,
            idle: IdleTimeout(Duration::from_secs(self.idle)),
            timing: RenewalTiming {
                threshold: Duration::from_secs(5),
            },
            answer_deadline: ANSWER,
        }
    }

    pub(super) fn plans(&self) -> Vec<TokenPlan> {
        let strategies = self.strategies.iter().enumerate();
        strategies
            .map(|(number, strategy)| plan(number, *strategy))
            .collect()
    }

    /// The plan of a service.
    pub(super) fn plan(&self, service: &ServiceName) -> TokenPlan {
        let mut plans = self.plans().into_iter();
        plans.find(|plan| plan.service == *service).unwrap()
    }

    /// Every refresh token that a session may have.
    pub(super) fn grants(&self) -> Vec<GrantName> {
        let mut names = vec![GrantName::Login];
        names.extend(self.plans().iter().map(TokenPlan::grant));
        names.dedup();
        names
    }

    /// Whether the provider refuses this service.
    pub(super) fn refuses(&self, service: &ServiceName) -> bool {
        self.refusal != Refusal::Never && *service == service_name(1)
    }
}

impl Trouble {
    fn draw(chance: &mut Chance) -> Self {
        let mut up_to = |most: u64| match chance.below(2) {
            0 => 0,
            _ => chance.between(1, most),
        };
        Self {
            kill: up_to(15),
            pause: up_to(60),
            store_lost: up_to(400),
            store_answer_lost: up_to(400),
            store_slow: up_to(400),
            request_lost: up_to(1_500),
            answer_lost: up_to(1_500),
            provider_slow: up_to(4_000),
            provider_error: up_to(1_500),
            garbled: up_to(1_500),
            subject_refused: up_to(1_000),
            outage: up_to(300),
            stop: up_to(400),
            logout: up_to(400),
            rejection: up_to(1_500),
            abort: up_to(5_000),
            revocation: up_to(100),
        }
    }
}

pub(super) fn service_name(number: usize) -> ServiceName {
    ServiceName::new(SERVICES[number])
}

fn plan(number: usize, strategy: Strategy) -> TokenPlan {
    let service = service_name(number);
    let audience = format!("https://{}", service.as_str());
    TokenPlan {
        issuer: None,
        service,
        strategy,
        target_parameter: TargetParameter::Resource,
        target_value: Some(audience.clone()),
        scopes: Vec::new(),
        audience: Some(AudiencePolicy {
            expected: Audience::new(&audience),
            check: AudienceCheck::Single,
            others: [].into(),
        }),
        format: TokenFormat::Jwt,
        mint: Mint::Login,
    }
}
