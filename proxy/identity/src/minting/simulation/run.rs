//! One seed from its first login to the time when the dust has settled.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokenbridge_bridge::grant::GrantName;
use tokenbridge_bridge::service::{ServiceName, Strategy};
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_bridge::token::TokenSlot;
use tokenbridge_session_store::{Clock, Described, SessionStore};

use super::executor::{Executor, Runnable};
use super::fleet::Fleet;
use super::scenario::{ANSWER, service_name};
use super::users::{Users, done};
use super::world::{Outage, World};

/// Between two looks while the dust settles.
const ROUND: Duration = Duration::from_secs(5);
/// After so many of them everything must be well: the longest life of a token, the deadlines of
/// answers, and the back-off.
const ROUNDS: usize = 40;

/// What came of a seed.
pub(super) struct Outcome {
    pub(super) violation: Option<String>,
    pub(super) presented: u64,
    pub(super) overtaken: u64,
}

/// Runs one seed.
pub(super) fn run(seed: u64, traced: bool) -> Outcome {
    let world = Arc::new(World::new(seed, traced));
    let mut run = Run {
        executor: Executor::new(Arc::clone(&world.timeline), world.scenario.replicas + 1),
        fleet: Fleet::new(&world),
        users: Users::new(&world),
        next_event: world.timeline.now(),
        world,
    };
    let lasts = Duration::from_secs(run.world.scenario.lasts);
    run.until(run.world.timeline.now() + lasts);
    run.settle();
    let ledger = run.world.ledger.lock().unwrap();
    Outcome {
        violation: ledger.violation.clone(),
        presented: ledger.presented,
        overtaken: ledger.overtaken,
    }
}

struct Run {
    world: Arc<World>,
    executor: Executor,
    fleet: Fleet,
    users: Users,
    next_event: Duration,
}

impl Run {
    fn violated(&self) -> bool {
        self.world.ledger.lock().unwrap().violation.is_some()
    }

    fn calm(&self) -> bool {
        self.world.calm.load(Ordering::SeqCst)
    }

    /// Everything that can happen until then.
    fn until(&mut self, end: Duration) {
        while !self.violated() {
            self.fleet.end_stops(&mut self.executor);
            let chosen = self.executor.choose(&mut self.world.chance.lock().unwrap());
            if let Some(runnable) = chosen {
                if !self.strikes(&runnable) {
                    self.executor.run(&runnable);
                }
                continue;
            }
            let now = self.world.timeline.now();
            if now >= end {
                return;
            }
            let event = (!self.calm()).then_some(self.next_event);
            let alarm = self.world.timeline.next_alarm();
            let times = [event, alarm, self.fleet.next_back(), Some(end)];
            let next = times.into_iter().flatten().min().unwrap_or(end).max(now);
            self.world.timeline.jump(next);
            self.fleet.bring_back(Some(next), &mut self.executor);
            if event.is_some_and(|at| at <= next) {
                self.event();
            }
        }
    }

    /// Trouble for the replica that would do the next step.
    fn strikes(&mut self, runnable: &Runnable) -> bool {
        if runnable.host == self.world.network() {
            return false;
        }
        let trouble = &self.world.scenario.trouble;
        if self.world.happens(trouble.kill) {
            self.fleet.kill(runnable.host, &mut self.executor);
            return true;
        }
        if self.world.happens(trouble.pause) {
            self.executor.put_back(runnable);
            self.fleet.pause(runnable.host, &mut self.executor);
            return true;
        }
        false
    }

    fn event(&mut self) {
        let now = self.world.timeline.now();
        self.next_event = now + self.world.between(50, 2_500);
        if self.world.happens(self.world.scenario.trouble.outage) {
            self.outage();
        }
        if self.world.happens(self.world.scenario.trouble.stop) {
            let host = self.world.below(self.world.scenario.replicas);
            self.fleet.stop(host);
        }
        self.users.act(&self.fleet);
    }

    /// Something goes away, or comes back.
    fn outage(&self) {
        let mut provider = self.world.provider_outage.lock().unwrap();
        let mut stores = self.world.store_outage.lock().unwrap();
        if provider.is_some() || stores.contains(&true) {
            self.world.trace(|| "what was away is back".into());
            *provider = None;
            stores.fill(false);
            return;
        }
        match self.world.below(4) {
            0 => *provider = Some(Outage::Down),
            1 => *provider = Some(Outage::Silent),
            2 => stores.fill(true),
            _ => stores[self.world.below(self.world.scenario.replicas)] = true,
        }
        self.world
            .trace(|| format!("away: stores {stores:?} or the provider"));
    }

    /// Nothing goes wrong any more: in the end every session that is still there has its tokens.
    fn settle(&mut self) {
        self.world.trace(|| "the dust settles".into());
        self.world.calm.store(true, Ordering::SeqCst);
        *self.world.provider_outage.lock().unwrap() = None;
        self.world.store_outage.lock().unwrap().fill(false);
        self.fleet.bring_back(None, &mut self.executor);
        let mut missing = Vec::new();
        for _ in 0..ROUNDS {
            self.until(self.world.timeline.now() + ROUND);
            missing = self.missing();
            if self.violated() || (missing.is_empty() && self.users.all_told()) {
                break;
            }
            for (session, service) in &missing {
                self.users.ask(&self.fleet, *session, service.clone());
            }
        }
        self.until(self.world.timeline.now() + ANSWER);
        self.judge(&missing);
    }

    fn judge(&mut self, missing: &[(SessionKey, ServiceName)]) {
        let told = self.users.all_told();
        let mut ledger = self.world.ledger.lock().unwrap();
        if !told {
            ledger.violated("somebody waits for ever");
        }
        if let Some((_, service)) = missing.first() {
            ledger.violated(format!("a session gets no token for {service} any more"));
        }
        if let Some(token) = ledger.thrown_away(self.world.timeline.now()) {
            ledger.violated(format!("rt-{token} came and was thrown away"));
        }
        let provider = self.world.provider.lock().unwrap();
        let mut left = ledger.should_be_revoked();
        if let Some(token) = left.find(|token| provider.is_live(*token)) {
            let what = format!("rt-{token} of a session that ended was never revoked");
            drop(left);
            ledger.violated(what);
        }
    }

    /// Services without a valid token, of sessions that can have one.
    fn missing(&self) -> Vec<(SessionKey, ServiceName)> {
        let scenario = &self.world.scenario;
        let now = self.world.timeline.clock.now();
        let idle = Duration::from_secs(scenario.idle);
        let alive = self
            .world
            .ledger
            .lock()
            .unwrap()
            .alive(&*self.world.timeline.clock, idle);
        let mut missing = Vec::new();
        for session in alive {
            let Described::Found(found) = done(self.world.memory.describe(&session)).unwrap()
            else {
                let mut ledger = self.world.ledger.lock().unwrap();
                ledger.violated("a session is gone although nobody ended it");
                continue;
            };
            // The provider spent its refresh token with a refusal: its tokens run out.
            let login = self.world.held(&(session, GrantName::Login));
            let spent = login.refresh_token.is_none();
            for (number, strategy) in scenario.strategies.iter().enumerate() {
                // Its user goes to the provider once more where it has none.
                if spent && *strategy != Strategy::Authorize {
                    continue;
                }
                let service = service_name(number);
                let live = match found.slots.get(&service) {
                    Some(TokenSlot::Token(token)) => now < token.expires_at,
                    Some(TokenSlot::Refused(_)) | None => false,
                };
                if !live && !scenario.refuses(&service) {
                    missing.push((session, service));
                }
            }
        }
        missing
    }
}
