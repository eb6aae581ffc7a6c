//! What happened so far, as somebody knows it who sees everything at once, and what must not.

mod lives;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::time::Duration;

use tokenbridge_bridge::grant::{Generation, GrantName};
use tokenbridge_bridge::session::SessionKey;
use tokenbridge_config::issuer::RefreshRetry;
use tokenbridge_session_store::Clock;

pub(super) use lives::Life;
use lives::Replica;

use super::scenario::ANSWER;
use super::timeline::Host;
use super::users::KnownSession;
use crate::minting::lease::LEASE;
use crate::minting::send::SENDING;
use crate::tokens::response::{Answer, OauthErrorKind, Processed};

/// One refresh token's line: whose session, and which grant of it.
pub(super) type GrantOf = (SessionKey, GrantName);

/// How long storing a refresh token takes at most while nothing goes wrong.
const STORING: Duration = Duration::from_secs(2);

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
    grant: GrantOf,
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

/// See the module.
#[derive(Default)]
pub(super) struct Ledger {
    pub(super) violation: Option<String>,
    /// Refresh tokens that were sent.
    pub(super) presented: u64,
    /// Those of them that were sent once too often, by somebody who was paused before sending.
    pub(super) overtaken: u64,
    pub(super) sessions: BTreeMap<SessionKey, KnownSession>,
    /// The current generation of each grant.
    pub(super) generations: HashMap<GrantOf, Generation>,
    replicas: Vec<Replica>,
    uses: Vec<Use>,
    by_token: HashMap<usize, Vec<usize>>,
    /// Last mark of each replica.
    marks: HashMap<(Life, GrantOf), Mark>,
    /// Who looked and found no valid token left, and there is none yet.
    saw_none: HashSet<(Life, GrantOf)>,
    /// When they looked.
    looked: HashMap<(Life, GrantOf), Duration>,
    /// Who runs a flight, and whose it is.
    holders: HashMap<u128, Life>,
    given_back: HashSet<u128>,
    holds: HashMap<GrantOf, u128>,
    /// Refresh tokens that somebody must revoke.
    to_revoke: Vec<(usize, Life)>,
    /// Refresh tokens that came to somebody who has neither stored nor revoked them yet.
    brought: BTreeMap<usize, (Life, Duration)>,
}

impl Ledger {
    pub(super) fn new(hosts: usize) -> Self {
        Self {
            replicas: (0..hosts).map(|_| Replica::default()).collect(),
            ..Self::default()
        }
    }

    pub(super) fn violated(&mut self, what: impl Into<String>) {
        self.violation.get_or_insert(what.into());
    }

    pub(super) fn marked(&mut self, host: Host, grant: GrantOf, at: Duration, of: Generation) {
        let mark = Mark { at, generation: of };
        self.marks.insert((self.life(host), grant), mark);
    }

    pub(super) fn saw(&mut self, host: Host, grant: GrantOf, live: bool, now: Duration) {
        let by = (self.life(host), grant);
        if live {
            self.saw_none.remove(&by);
        } else {
            self.saw_none.insert(by.clone());
            self.looked.insert(by, now);
        }
    }

    /// What a grant pays for has a token again: there is something to lose.
    pub(super) fn has_token(&mut self, grant: &GrantOf) {
        self.saw_none.retain(|(_, of)| of != grant);
    }

    /// A refresh token leaves. The number of this use comes back.
    pub(super) fn presented(
        &mut self,
        (host, grant): (Host, GrantOf),
        token: usize,
        retry: RefreshRetry,
        now: Duration,
    ) -> usize {
        self.presented += 1;
        let by = self.life(host);
        let of = (by, grant.clone());
        let mark = self.marks.get(&of).copied();
        let late = mark.is_none_or(|mark| now - mark.at > SENDING);
        if mark.is_none() {
            self.violated(format!("rt-{token} is sent without a mark"));
        }
        let generation = mark.map_or(Generation::FIRST, |mark| mark.generation);
        let before = self.by_token.get(&token).into_iter().flatten().copied();
        let of_generation: Vec<usize> = before
            .filter(|number| self.uses[*number].generation == generation)
            .collect();
        let nothing_left = self.saw_none.contains(&of);
        if let Some(why) = self.forbids(&of_generation, (retry, nothing_left), now) {
            let other_late = of_generation.iter().any(|number| self.uses[*number].late);
            // Another flight's token came between the look and the send.
            let looked = self.looked.get(&of);
            let looked = looked.is_some_and(|at| now - *at < LEASE);
            match late || other_late || looked {
                true => self.overtaken += 1,
                false => self.violated(format!("rt-{token} is sent once more: {why}")),
            }
        }
        let number = self.uses.len();
        self.uses.push(Use {
            by,
            grant,
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
    pub(super) fn acquired(&mut self, host: Host, grant: &GrantOf, holder: u128) {
        let by = self.life(host);
        self.holders.insert(holder, by);
        self.holds.insert(grant.clone(), holder);
        let taken_from = self.uses.iter().rev().take(16).find(|used| {
            used.grant == *grant
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
    pub(super) fn found_busy(&mut self, host: Host, grant: &GrantOf, holder: u128) {
        let by = self.life(host);
        self.holders.insert(holder, by);
        let Some(holding) = self.holds.get(grant) else {
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

    /// An answer brings a refresh token to whoever asked for it.
    pub(super) fn brings(&mut self, token: usize, to: Life, now: Duration) {
        self.brought.insert(token, (to, now));
    }

    /// It was stored, found to be stale, or revoked.
    pub(super) fn is_cared_for(&mut self, token: usize) {
        self.brought.remove(&token);
    }

    /// A refresh token that came a while ago to somebody who lives and has done nothing with it.
    pub(super) fn thrown_away(&self, now: Duration) -> Option<usize> {
        let mut left = self
            .brought
            .iter()
            .filter(|(_, (to, at))| self.lives(*to) && *at + STORING < now);
        left.next().map(|(token, _)| *token)
    }

    /// A replica has stopped and all of its flights have ended: nothing of them is left over.
    pub(super) fn stopped(&mut self, host: Host) {
        let life = self.life(host);
        if let Some((token, _)) = self.brought.iter().find(|(_, (to, _))| *to == life) {
            let what = format!("rt-{token} is lost although its replica stopped cleanly");
            return self.violated(what);
        }
        let mut holders = self.holders.iter().filter(|(_, by)| **by == life);
        if holders.any(|(holder, _)| !self.given_back.contains(holder)) {
            self.violated("a replica that stopped cleanly leaves a lease behind");
        }
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
