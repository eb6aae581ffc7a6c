//! What happened so far, as somebody knows it who sees everything at once, and what must not.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use tokenbridge_bridge::grant::Generation;
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_config::issuer::RefreshRetry;
use tokenbridge_session_store::Clock;

use super::scenario::ANSWER;
use super::timeline::Host;
use super::users::KnownSession;
use crate::minting::lease::LEASE;
use crate::minting::send::SENDING;
use crate::tokens::response::{Answer, OauthErrorKind, Processed};

/// One life of a replica, from its start to its kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Life {
    pub(super) host: Host,
    pub(super) number: u64,
}

/// What a sender was told of a refresh.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Outstanding,
    Lost,
    /// The provider surely did not spend the refresh token.
    Unspent,
    Granted,
    Refused,
}

/// One refresh token on its way to the provider.
struct Use {
    by: Life,
    session: SessionKey,
    generation: Generation,
    sent: Duration,
    /// More time than allowed passed between the mark and this.
    late: bool,
    outcome: Outcome,
}

#[derive(Clone, Copy)]
struct Mark {
    at: Duration,
    generation: Generation,
}

struct Replica {
    life: u64,
    paused: bool,
    /// When it last was paused or had trouble with the store.
    troubled: Option<Duration>,
}

/// See the module.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) violation: Option<String>,
    /// Refresh tokens that were sent.
    pub(super) presented: u64,
    /// Those of them that were sent once too often, by somebody who was paused before sending.
    pub(super) overtaken: u64,
    pub(super) sessions: BTreeMap<SessionKey, KnownSession>,
    replicas: Vec<Replica>,
    uses: Vec<Use>,
    by_token: HashMap<usize, Vec<usize>>,
    /// Last mark of each replica.
    marks: HashMap<(Life, SessionKey), Mark>,
    /// Who looked and found no valid token left, and there is none yet.
    saw_none: HashSet<(Life, SessionKey)>,
    /// When they looked.
    looked: HashMap<(Life, SessionKey), Duration>,
    /// Who runs a flight, and whose it is.
    holders: HashMap<u128, Life>,
    given_back: HashSet<u128>,
    holds: HashMap<SessionKey, u128>,
    /// Refresh tokens that somebody must revoke.
    to_revoke: Vec<(usize, Life)>,
}

impl Ledger {
    pub(super) fn new(hosts: usize) -> Self {
        let replica = || Replica {
            life: 0,
            paused: false,
            troubled: None,
        };
        Self {
            replicas: (0..hosts).map(|_| replica()).collect(),
            ..Self::default()
        }
    }

    pub(super) fn violated(&mut self, what: impl Into<String>) {
        self.violation.get_or_insert(what.into());
    }

    pub(super) fn life(&self, host: Host) -> Life {
        Life {
            host,
            number: self.replicas[host].life,
        }
    }

    fn lives(&self, life: Life) -> bool {
        self.life(life.host) == life
    }

    pub(super) fn killed(&mut self, host: Host) {
        self.replicas[host].life += 1;
        self.replicas[host].paused = false;
        self.replicas[host].troubled = None;
    }

    pub(super) fn paused(&mut self, host: Host, paused: bool, now: Duration) {
        self.replicas[host].paused = paused;
        self.troubled(host, now);
    }

    pub(super) fn troubled(&mut self, host: Host, now: Duration) {
        self.replicas[host].troubled = Some(now);
    }

    /// Whether a replica could do all that it should, for so long that a lease shows it.
    fn was_well_since(&self, life: Life, since: Duration) -> bool {
        let replica = &self.replicas[life.host];
        let well = |at: Duration| at + LEASE < since;
        self.lives(life) && !replica.paused && replica.troubled.is_none_or(well)
    }

    pub(super) fn marked(&mut self, host: Host, session: SessionKey, at: Duration, of: Generation) {
        let mark = Mark { at, generation: of };
        self.marks.insert((self.life(host), session), mark);
    }

    pub(super) fn saw(&mut self, host: Host, session: SessionKey, live: bool, now: Duration) {
        let by = (self.life(host), session);
        if live {
            self.saw_none.remove(&by);
        } else {
            self.saw_none.insert(by);
            self.looked.insert(by, now);
        }
    }

    /// A session has a token again: there is something to lose.
    pub(super) fn has_token(&mut self, session: SessionKey) {
        self.saw_none.retain(|(_, of)| *of != session);
    }

    /// A refresh token leaves. The number of this use comes back.
    pub(super) fn presented(
        &mut self,
        (host, session): (Host, SessionKey),
        token: usize,
        retry: RefreshRetry,
        now: Duration,
    ) -> usize {
        self.presented += 1;
        let by = self.life(host);
        let mark = self.marks.get(&(by, session)).copied();
        let late = mark.is_none_or(|mark| now - mark.at > SENDING);
        if mark.is_none() {
            self.violated(format!("rt-{token} is sent without a mark"));
        }
        let generation = mark.map_or(Generation::FIRST, |mark| mark.generation);
        let before = self.by_token.get(&token).into_iter().flatten().copied();
        let of_generation: Vec<usize> = before
            .filter(|number| self.uses[*number].generation == generation)
            .collect();
        let nothing_left = self.saw_none.contains(&(by, session));
        if let Some(why) = self.forbids(&of_generation, (retry, nothing_left), now) {
            let other_late = of_generation.iter().any(|number| self.uses[*number].late);
            // Another flight's token came between the look and the send.
            let looked = self.looked.get(&(by, session));
            let looked = looked.is_some_and(|at| now - *at < LEASE);
            match late || other_late || looked {
                true => self.overtaken += 1,
                false => self.violated(format!("rt-{token} is sent once more: {why}")),
            }
        }
        let number = self.uses.len();
        self.uses.push(Use {
            by,
            session,
            generation,
            sent: now,
            late,
            outcome: Outcome::Outstanding,
        });
        self.by_token.entry(token).or_default().push(number);
        number
    }

    /// Why a refresh token must not be sent, after it was sent before.
    fn forbids(
        &self,
        before: &[usize],
        (retry, nothing_left): (RefreshRetry, bool),
        now: Duration,
    ) -> Option<&'static str> {
        let mut uses = before.iter().map(|number| &self.uses[*number]);
        let in_flight =
            |used: &Use| used.outcome == Outcome::Outstanding && used.sent + ANSWER > now;
        if uses.clone().any(in_flight) {
            return Some("it is still in flight");
        }
        let unknown = |used: &&Use| used.outcome != Outcome::Unspent;
        let first = uses.find(unknown)?;
        let allowed = match retry {
            RefreshRetry::Safe => true,
            RefreshRetry::Within(limit) => now - first.sent < limit + SENDING,
            RefreshRetry::Never => false,
        };
        (!allowed && !nothing_left).then_some("refresh_retry forbids it")
    }

    /// The sender is told.
    pub(super) fn concluded(&mut self, number: usize, answer: &Answer, spends: bool) {
        self.uses[number].outcome = match answer {
            Answer::Granted(_) => Outcome::Granted,
            Answer::Refused(error) => match error.kind {
                OauthErrorKind::InvalidGrant => Outcome::Refused,
                OauthErrorKind::InvalidTarget if spends => Outcome::Refused,
                OauthErrorKind::InvalidTarget
                | OauthErrorKind::InvalidScope
                | OauthErrorKind::ClientRefused
                | OauthErrorKind::InteractionRequired
                | OauthErrorKind::Temporary
                | OauthErrorKind::Other => Outcome::Unspent,
            },
            Answer::Unreadable { .. } => Outcome::Unspent,
            Answer::Failed(failure) => match failure.processed {
                Processed::No => Outcome::Unspent,
                Processed::Maybe => Outcome::Lost,
            },
        };
    }

    /// A lease is taken: not from a flight that is well and under way.
    pub(super) fn acquired(&mut self, host: Host, session: SessionKey, holder: u128) {
        let by = self.life(host);
        self.holders.insert(holder, by);
        self.holds.insert(session, holder);
        let taken_from = self.uses.iter().rev().take(16).find(|used| {
            used.session == session
                && used.outcome == Outcome::Outstanding
                && used.by != by
                && self.was_well_since(used.by, used.sent)
        });
        if let Some(used) = taken_from {
            let what = format!(
                "the lease of a flight of replica {} was not kept",
                used.by.host
            );
            self.violated(what);
        }
    }

    /// A lease is asked for in vain.
    pub(super) fn found_busy(&mut self, host: Host, session: SessionKey, holder: u128) {
        let by = self.life(host);
        self.holders.insert(holder, by);
        let Some(holding) = self.holds.get(&session) else {
            return;
        };
        let same = self.holders.get(holding) == Some(&by) && *holding != holder;
        if same && !self.given_back.contains(holding) {
            self.violated("two flights of one replica want the same refresh token");
        }
    }

    pub(super) fn gives_back(&mut self, holder: u128) {
        self.given_back.insert(holder);
    }

    pub(super) fn must_revoke(&mut self, token: usize, by: Life) {
        self.to_revoke.push((token, by));
    }

    /// Refresh tokens that should have been revoked by somebody who still lives.
    pub(super) fn should_be_revoked(&self) -> impl Iterator<Item = usize> {
        let due = self.to_revoke.iter().filter(|(_, by)| self.lives(*by));
        due.map(|(token, _)| *token)
    }

    /// Sessions that should be there.
    pub(super) fn alive(&self, now: &dyn Clock, idle: Duration) -> Vec<SessionKey> {
        let now = Duration::from_secs(now.now().seconds());
        let alive = |session: &KnownSession| !session.is_over(now, idle);
        let sessions = self.sessions.iter().filter(|(_, known)| alive(known));
        sessions.map(|(key, _)| *key).collect()
    }
}
