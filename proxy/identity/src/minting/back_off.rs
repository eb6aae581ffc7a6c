//! When something may be tried again: 0.25 s, doubling to 10 s, with jitter; 30 s when the
//! provider refuses the client itself. Kept in this process, bounded, and forgotten with it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_bridge::token::MintRefusalReason;

use crate::minting::order::Refused;

const FIRST: Duration = Duration::from_millis(250);
const LONGEST: Duration = Duration::from_secs(10);
const CLIENT_REFUSED: Duration = Duration::from_secs(30);
/// How long a refusal stands that somebody has to mend: a little less than the time after which a
/// request asks again (`MintRefusal::may_have_passed`).
const BY_HAND: Duration = Duration::from_secs(50);
/// The longest `Retry-After` that is believed.
const LONGEST_WISH: Duration = Duration::from_secs(60);
/// Beyond this many entries those that have passed are dropped, and then all.
const PRUNED_AT: usize = 50_000;

/// What is not tried for a while.
#[derive(Clone, PartialEq, Eq, Hash)]
enum Scope {
    /// Anything at all: the client is refused.
    Client,
    /// Anything of a session's grant.
    Grant(SessionKey),
    /// One service of a session.
    Service(SessionKey, ServiceName),
}

struct Pause {
    until: Duration,
    failures: u32,
    refused: Refused,
}

/// All pauses.
#[derive(Default)]
pub(crate) struct BackOff {
    pauses: Mutex<HashMap<Scope, Pause>>,
}

impl BackOff {
    /// The last refusal, while it is too early to try again.
    pub(crate) fn check(
        &self,
        session: &SessionKey,
        service: &ServiceName,
        now: Duration,
    ) -> Option<Refused> {
        let pauses = self.lock();
        if pauses.is_empty() {
            return None;
        }
        scopes(session, service)
            .iter()
            .filter_map(|scope| pauses.get(scope))
            .find(|pause| now < pause.until)
            .map(|pause| Refused {
                retry_after: Some(pause.until.saturating_sub(now)),
                ..pause.refused.clone()
            })
    }

    /// Notes a refusal that may pass; the others stand in the session itself. `at`: the time, and
    /// a random number for the jitter.
    pub(crate) fn note(
        &self,
        session: &SessionKey,
        service: &ServiceName,
        refused: &Refused,
        at: (Duration, u128),
    ) {
        let [client, grant, own] = scopes(session, service);
        let scope = match refused.reason {
            MintRefusalReason::ClientRefused => client,
            MintRefusalReason::Unavailable => grant,
            MintRefusalReason::BadResponse
            | MintRefusalReason::NoAudience
            | MintRefusalReason::InvalidTarget
            | MintRefusalReason::InvalidScope
            | MintRefusalReason::NoRefreshToken
            | MintRefusalReason::GrantRefused
            | MintRefusalReason::WrongAudience
            | MintRefusalReason::SharedToken
            | MintRefusalReason::InteractionRequired => own,
        };
        let (now, chance) = at;
        let mut pauses = self.lock();
        prune(&mut pauses, now);
        let failures = pauses.get(&scope).map_or(0, |pause| pause.failures);
        let wait = match scope {
            Scope::Client => CLIENT_REFUSED,
            // Only somebody's hand will change it; the live token is used meanwhile.
            Scope::Service(..) if !refused.reason.may_pass() => BY_HAND,
            Scope::Grant(_) | Scope::Service(..) => delay(failures, chance),
        };
        let wish = refused.retry_after.unwrap_or_default().min(LONGEST_WISH);
        pauses.insert(
            scope,
            Pause {
                until: now.saturating_add(wait.max(wish)),
                failures: failures.saturating_add(1),
                refused: refused.clone(),
            },
        );
    }

    /// Forgets what a success has refuted.
    pub(crate) fn clear(&self, session: &SessionKey, service: &ServiceName) {
        let mut pauses = self.lock();
        if !pauses.is_empty() {
            for scope in scopes(session, service) {
                pauses.remove(&scope);
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Scope, Pause>> {
        self.pauses.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn scopes(session: &SessionKey, service: &ServiceName) -> [Scope; 3] {
    [
        Scope::Client,
        Scope::Grant(*session),
        Scope::Service(*session, service.clone()),
    ]
}

/// The pause after so many failures, shortened at random by up to a quarter.
pub(crate) fn delay(failures: u32, chance: u128) -> Duration {
    let full = FIRST.saturating_mul(1 << failures.min(6)).min(LONGEST);
    let share = u32::try_from(chance % 256).unwrap_or_default();
    full - full / 4 * share / 256
}

fn prune(pauses: &mut HashMap<Scope, Pause>, now: Duration) {
    if pauses.len() < PRUNED_AT {
        return;
    }
    pauses.retain(|_, pause| now < pause.until);
    if pauses.len() >= PRUNED_AT {
        pauses.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_ten_seconds() {
        let pauses: Vec<u128> = (0..9)
            .map(|failures| delay(failures, 0).as_millis())
            .collect();
        assert_eq!(
            pauses,
            [250, 500, 1_000, 2_000, 4_000, 8_000, 10_000, 10_000, 10_000]
        );
        assert!(delay(0, 255) >= FIRST * 3 / 4 && delay(0, 255) < FIRST);
    }

    #[test]
    fn a_bad_answer_for_one_service_does_not_hold_up_another() {
        let back_off = BackOff::default();
        let (one, other) = (
            SessionKey::from_bytes([1; 32]),
            SessionKey::from_bytes([2; 32]),
        );
        let (a, b) = (ServiceName::new("a"), ServiceName::new("b"));
        let at = |milliseconds| Duration::from_millis(milliseconds);
        let refuse = |reason| Refused::new(reason, "why");
        back_off.note(
            &one,
            &a,
            &refuse(MintRefusalReason::BadResponse),
            (at(0), 0),
        );
        assert!(back_off.check(&one, &a, at(249)).is_some());
        assert!(back_off.check(&one, &a, at(250)).is_none());
        assert!(back_off.check(&one, &b, at(0)).is_none());
        back_off.note(
            &one,
            &a,
            &refuse(MintRefusalReason::Unavailable),
            (at(0), 0),
        );
        assert!(back_off.check(&one, &b, at(0)).is_some());
        assert!(back_off.check(&other, &b, at(0)).is_none());
        back_off.note(
            &one,
            &a,
            &refuse(MintRefusalReason::ClientRefused),
            (at(0), 0),
        );
        assert!(back_off.check(&other, &b, at(29_999)).is_some());
        back_off.clear(&one, &a);
        assert!(back_off.check(&other, &b, at(0)).is_none());
    }

    #[test]
    fn a_provider_that_asks_for_time_gets_it_within_reason() {
        let back_off = BackOff::default();
        let (session, service) = (SessionKey::from_bytes([1; 32]), ServiceName::new("a"));
        let refused = |seconds| Refused {
            retry_after: Some(Duration::from_secs(seconds)),
            ..Refused::new(MintRefusalReason::Unavailable, "status 429")
        };
        back_off.note(&session, &service, &refused(5), (Duration::ZERO, 0));
        assert!(
            back_off
                .check(&session, &service, Duration::from_secs(4))
                .is_some()
        );
        back_off.note(&session, &service, &refused(86_400), (Duration::ZERO, 0));
        assert!(
            back_off
                .check(&session, &service, Duration::from_secs(60))
                .is_none()
        );
    }
}
