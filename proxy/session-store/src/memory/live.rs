//! One session as it stands in memory, and the rules of its grants.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::grant::{Generation, GrantName, Holder, RefreshGrant, Written};
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::{Profile, SessionFacts};
use tokenbridge_bridge::token::TokenSlot;

use crate::lease::{Acquired, SentMark};
use crate::store::{Description, EndedSession, NewSession};

/// What one session costs beside its texts: map nodes, index entries, fixed fields.
const FIXED_WEIGHT: usize = 1_024;
/// What one grant or slot costs beside its texts.
const ITEM_WEIGHT: usize = 256;

/// A claim on a grant, until its end by the monotonic clock.
#[derive(Clone, Copy)]
struct TakenLease {
    holder: Holder,
    ends: Duration,
}

/// A refresh token of this generation was about to be sent by this holder.
#[derive(Clone, Copy)]
struct Sent {
    generation: Generation,
    deadline: Duration,
    holder: Holder,
    /// When the first of several marks of this generation was made.
    first: Duration,
}

/// A grant with its lease and its mark.
pub(super) struct Held {
    pub(super) grant: RefreshGrant,
    lease: Option<TakenLease>,
    sent: Option<Sent>,
}

impl Held {
    pub(super) fn acquire(
        &mut self,
        holder: Holder,
        monotonic: Duration,
        ttl: Duration,
    ) -> Acquired {
        if let Some(lease) = self
            .running_lease(monotonic)
            .filter(|lease| lease.holder != holder)
        {
            return Acquired::Busy {
                remaining: lease.ends.saturating_sub(monotonic),
            };
        }
        self.lease = Some(TakenLease {
            holder,
            ends: monotonic.saturating_add(ttl),
        });
        let sent = self.sent.map(|sent| SentMark {
            generation: sent.generation,
            remaining: sent.deadline.saturating_sub(monotonic),
            age: monotonic.saturating_sub(sent.first),
        });
        Acquired::Held {
            grant: Box::new(self.grant.clone()),
            sent,
        }
    }

    pub(super) fn keep(&mut self, holder: Holder, monotonic: Duration, ttl: Duration) -> Written {
        if !self.is_claimed_by(holder, monotonic) {
            return Written::Stale;
        }
        self.lease = Some(TakenLease {
            holder,
            ends: monotonic.saturating_add(ttl),
        });
        Written::Stored
    }

    pub(super) fn release(&mut self, holder: Holder) -> Written {
        if self.lease.is_some_and(|lease| lease.holder == holder) {
            self.lease = None;
        }
        Written::Stored
    }

    fn running_lease(&self, monotonic: Duration) -> Option<TakenLease> {
        self.lease.filter(|lease| lease.ends > monotonic)
    }

    fn is_claimed_by(&self, holder: Holder, monotonic: Duration) -> bool {
        self.running_lease(monotonic)
            .is_some_and(|lease| lease.holder == holder)
    }

    pub(super) fn mark_sent(
        &mut self,
        holder: Holder,
        generation: Generation,
        monotonic: Duration,
        deadline: Duration,
    ) -> Written {
        if !self.is_claimed_by(holder, monotonic) || self.grant.generation != generation {
            return Written::Stale;
        }
        let before = self.sent.filter(|sent| sent.generation == generation);
        self.sent = Some(Sent {
            generation,
            deadline: monotonic.saturating_add(deadline),
            holder,
            first: before.map_or(monotonic, |sent| sent.first),
        });
        Written::Stored
    }

    pub(super) fn clear_sent(&mut self, holder: Holder, generation: Generation) -> Written {
        match self.sent {
            Some(sent) if sent.holder == holder && sent.generation == generation => {
                self.sent = None;
                Written::Stored
            }
            Some(_) | None => Written::Stale,
        }
    }

    pub(super) fn complete(&mut self, spent: Generation, next: &RefreshGrant) -> Written {
        if self.grant.generation != spent {
            return Written::Stale;
        }
        self.grant = RefreshGrant {
            generation: spent.next(),
            ..next.clone()
        };
        self.sent = None;
        Written::Stored
    }
}

/// A session.
pub(super) struct Live {
    pub(super) facts: Arc<SessionFacts>,
    pub(super) profile: Profile,
    pub(super) last_seen: UnixTime,
    pub(super) slots: BTreeMap<ServiceName, Arc<TokenSlot>>,
    pub(super) grants: BTreeMap<GrantName, Held>,
    /// When it is over, by the monotonic clock.
    pub(super) ends: Duration,
}

impl Live {
    pub(super) fn new(session: &NewSession, ends: Duration) -> Self {
        let held = Held {
            grant: session.grant.clone(),
            lease: None,
            sent: None,
        };
        Self {
            facts: Arc::new(session.facts.clone()),
            profile: session.profile.clone(),
            last_seen: session.facts.created_at,
            slots: BTreeMap::new(),
            grants: BTreeMap::from([(GrantName::Login, held)]),
            ends,
        }
    }

    pub(super) fn generation(&self, name: &GrantName) -> Option<Generation> {
        self.grants.get(name).map(|held| held.grant.generation)
    }

    /// A grant from a fresh authorization: its number is above all that a flight may still hold.
    /// The lease stays with its holder, who will find itself stale.
    pub(super) fn replace_grant(&mut self, name: &GrantName, grant: &RefreshGrant) -> Generation {
        let generation = self
            .generation(name)
            .map_or(Generation::FIRST, Generation::next);
        let lease = self.grants.get(name).and_then(|held| held.lease);
        let grant = RefreshGrant {
            generation,
            ..grant.clone()
        };
        self.grants.insert(
            name.clone(),
            Held {
                grant,
                lease,
                sent: None,
            },
        );
        generation
    }

    pub(super) fn describe(&self) -> Description {
        let slot = |(name, slot): (&ServiceName, &Arc<TokenSlot>)| (name.clone(), (**slot).clone());
        Description {
            facts: (*self.facts).clone(),
            profile: self.profile.clone(),
            last_seen: self.last_seen,
            slots: self.slots.iter().map(slot).collect(),
        }
    }

    pub(super) fn into_ended(self) -> EndedSession {
        let id_token = self
            .grants
            .get(&GrantName::Login)
            .and_then(|held| held.grant.id_token.clone());
        let refresh_tokens = self
            .grants
            .into_iter()
            .filter_map(|(name, held)| held.grant.refresh_token.map(|token| (name, token)))
            .collect();
        EndedSession {
            facts: Arc::unwrap_or_clone(self.facts),
            refresh_tokens,
            id_token,
        }
    }

    /// About how many bytes it takes.
    pub(super) fn weight(&self) -> usize {
        let optional = |text: &Option<String>| text.as_ref().map_or(0, String::len);
        let facts = self.facts.subject.issuer.len()
            + self.facts.subject.subject.len()
            + optional(&self.facts.idp_session)
            + optional(&self.facts.acr);
        let profile = optional(&self.profile.name)
            + optional(&self.profile.preferred_username)
            + optional(&self.profile.email);
        let slots: usize = self.slots.values().map(|slot| slot_weight(slot)).sum();
        let grants: usize = self
            .grants
            .values()
            .map(|held| grant_weight(&held.grant))
            .sum();
        FIXED_WEIGHT + facts + profile + slots + grants
    }
}

fn slot_weight(slot: &TokenSlot) -> usize {
    let texts = match slot {
        TokenSlot::Token(token) => {
            let audiences: usize = token.audiences.iter().map(|one| one.as_str().len()).sum();
            let scopes: usize = token.scopes.iter().map(String::len).sum();
            token.value.expose().len() + audiences + scopes
        }
        TokenSlot::Refused(refusal) => refusal.detail.len(),
    };
    ITEM_WEIGHT + texts
}

fn grant_weight(grant: &RefreshGrant) -> usize {
    let tokens = [
        grant.refresh_token.as_ref(),
        grant.access_token.as_ref().map(|(token, _)| token),
        grant.id_token.as_ref(),
    ];
    let tokens: usize = tokens
        .into_iter()
        .flatten()
        .map(|token| token.expose().len())
        .sum();
    let scopes: usize = grant.scopes.iter().flatten().map(String::len).sum();
    ITEM_WEIGHT + tokens + scopes
}
