//! Services that the provider refuses in this configuration, for every session: asking again at
//! each login could spend a refresh token each time for the sake of one wrong line.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokenbridge_bridge::service::ServiceName;

use crate::minting::order::Refused;
use crate::minting::rules::RefusalCost;

/// How long a harmless refusal is believed.
const HARMLESS: Duration = Duration::from_secs(60);
/// How often is looked what probes at other replicas found.
const LOOK: Duration = Duration::from_secs(5);

/// What was learnt about the services since the configuration was loaded.
#[derive(Default)]
pub(crate) struct Suspensions {
    learnt: Mutex<Learnt>,
}

#[derive(Default)]
struct Learnt {
    suspended: HashMap<ServiceName, Suspended>,
    minted: HashSet<ServiceName>,
    /// What probes at other replicas told of a service last.
    heeded: HashMap<ServiceName, String>,
    /// When it is time to look what they tell.
    look_at: Duration,
}

struct Suspended {
    refused: Refused,
    /// `None`: for as long as this configuration lives.
    until: Option<Duration>,
}

impl Suspensions {
    /// Why a service is not asked for.
    pub(crate) fn get(&self, service: &ServiceName, now: Duration) -> Option<Refused> {
        let learnt = self.lock();
        learnt
            .suspended
            .get(service)
            .filter(|suspended| suspended.until.is_none_or(|until| now < until))
            .map(|suspended| suspended.refused.clone())
    }

    /// Suspends a service.
    pub(crate) fn suspend(
        &self,
        service: &ServiceName,
        refused: &Refused,
        cost: RefusalCost,
        now: Duration,
    ) {
        let until = match cost {
            RefusalCost::Harmless => Some(now.saturating_add(HARMLESS)),
            RefusalCost::Unknown | RefusalCost::Spent => None,
        };
        let refused = refused.clone();
        self.lock()
            .suspended
            .insert(service.clone(), Suspended { refused, until });
    }

    /// The suspended services, when it is time to look whether a probe found them mended.
    pub(crate) fn to_look_at(&self, now: Duration) -> Vec<ServiceName> {
        let mut learnt = self.lock();
        if learnt.suspended.is_empty() || now < learnt.look_at {
            return Vec::new();
        }
        learnt.look_at = now.saturating_add(LOOK);
        learnt.suspended.keys().cloned().collect()
    }

    /// Lifts a suspension for what a probe told; whether that was news.
    pub(crate) fn heed(&self, service: &ServiceName, told: &str) -> bool {
        let mut learnt = self.lock();
        if learnt
            .heeded
            .get(service)
            .is_some_and(|known| known == told)
        {
            return false;
        }
        learnt.heeded.insert(service.clone(), told.to_owned());
        learnt.suspended.remove(service);
        true
    }

    /// Notes that the provider gave a token for a service.
    pub(crate) fn note_minted(&self, service: &ServiceName) {
        let mut learnt = self.lock();
        learnt.suspended.remove(service);
        if !learnt.minted.contains(service) {
            learnt.minted.insert(service.clone());
        }
    }

    /// Whether the provider ever gave a token for a service: those are asked for first.
    pub(crate) fn was_minted(&self, service: &ServiceName) -> bool {
        self.lock().minted.contains(service)
    }

    fn lock(&self) -> MutexGuard<'_, Learnt> {
        self.learnt.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokenbridge_bridge::token::MintRefusalReason;

    #[test]
    fn a_refusal_lasts_until_reload_unless_it_is_known_to_be_harmless() {
        let suspensions = Suspensions::default();
        let refused = Refused::new(MintRefusalReason::InvalidTarget, "invalid_target");
        let service = ServiceName::new("a");
        let year = Duration::from_secs(365 * 86_400);
        suspensions.suspend(&service, &refused, RefusalCost::Harmless, Duration::ZERO);
        assert!(
            suspensions
                .get(&service, HARMLESS - Duration::from_secs(1))
                .is_some()
        );
        assert!(suspensions.get(&service, HARMLESS).is_none());
        for cost in [RefusalCost::Unknown, RefusalCost::Spent] {
            suspensions.suspend(&service, &refused, cost, Duration::ZERO);
            assert!(suspensions.get(&service, year).is_some(), "{cost:?}");
        }
        suspensions.note_minted(&service);
        assert!(suspensions.get(&service, year).is_none() && suspensions.was_minted(&service));
    }

    #[test]
    fn what_a_probe_told_lifts_a_suspension_once() {
        let suspensions = Suspensions::default();
        let refused = Refused::new(MintRefusalReason::InvalidTarget, "invalid_target");
        let service = ServiceName::new("a");
        let now = Duration::from_secs(100);
        assert!(suspensions.to_look_at(now).is_empty(), "nothing to lift");
        let suspend = || suspensions.suspend(&service, &refused, RefusalCost::Spent, now);
        suspend();
        assert_eq!(suspensions.to_look_at(now).len(), 1);
        assert!(suspensions.to_look_at(now).is_empty(), "it was just looked");
        assert!(suspensions.heed(&service, "one"));
        assert!(suspensions.get(&service, now).is_none());
        suspend();
        assert!(!suspensions.heed(&service, "one"), "that is old news");
        assert!(suspensions.get(&service, now).is_some());
        assert_eq!(suspensions.to_look_at(now + LOOK).len(), 1);
    }
}
