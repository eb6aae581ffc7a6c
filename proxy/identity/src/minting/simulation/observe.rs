//! What the store did is judged in the step in which it did it.

use std::time::Duration;

use tokenbridge_bridge::grant::{Generation, GrantName, RefreshGrant, Written};
use tokenbridge_bridge::service::{ServiceName, Strategy};
use tokenbridge_bridge::session::{Reading, SessionKey};
use tokenbridge_bridge::token::TokenSlot;
use tokenbridge_session_store::{Acquired, Clock, Described, EndedSession, Lease};

use super::issuer::describe;
use super::ledger::GrantOf;
use super::provider::{AccessToken, answer_of, number_of};
use super::scenario::Refusal;
use super::timeline::Host;
use super::world::World;
use crate::tokens::response::Answer;

impl World {
    pub(super) fn note_presented(&self, host: Host, token: usize) -> usize {
        let retry = self.scenario.refresh_retry;
        let now = self.timeline.now();
        let grant = self.owner_of(token);
        self.trace(|| format!("{host}: sends rt-{token}"));
        let mut ledger = self.ledger.lock().unwrap();
        ledger.presented((host, grant), token, retry, now)
    }

    pub(super) fn note_concluded(&self, sent: usize, answer: &Answer) {
        self.trace(|| format!("use {sent} is answered: {}", describe(answer)));
        if let Answer::Granted(response) = answer
            && let Some(next) = &response.refresh_token
        {
            self.came.lock().unwrap().insert(number_of(next));
        }
        let spends = self.scenario.refusal == Refusal::Spends;
        self.ledger.lock().unwrap().concluded(sent, answer, spends);
    }

    /// An answer arrived in which a refresh token can be read, whatever else is in it.
    pub(super) fn note_brought(&self, host: Host, token: usize) {
        let mut ledger = self.ledger.lock().unwrap();
        let life = ledger.life(host);
        ledger.brings(token, life, self.timeline.now());
    }

    /// Who may repeat a refresh for a service of its own looks at that service's token alone.
    pub(super) fn note_read(
        &self,
        host: Host,
        (key, service): (&SessionKey, &ServiceName),
        done: &Reading,
    ) {
        let Reading::Found(session) = done else {
            return;
        };
        if self.strategy(service) == Strategy::Authorize {
            let now = self.timeline.clock.now();
            let live =
                matches!(&session.slot, Some(TokenSlot::Token(token)) if now < token.expires_at);
            let grant = (*key, GrantName::Service(service.clone()));
            let at = self.timeline.now();
            self.ledger.lock().unwrap().saw(host, grant, live, at);
        }
    }

    pub(super) fn note_described(&self, host: Host, of: (&SessionKey,), done: &Described) {
        let Described::Found(session) = done else {
            return;
        };
        let now = self.timeline.clock.now();
        // What came by another way may have come behind the back of the flight that looked.
        let own = session.slots.iter();
        let mut own = own.filter(|(service, _)| match self.strategy(service) {
            Strategy::Login | Strategy::Refresh => true,
            Strategy::Exchange | Strategy::Authorize | Strategy::ClientCredentials => false,
        });
        let live = own.any(|(_, slot)| match slot {
            TokenSlot::Token(token) => now < token.expires_at,
            TokenSlot::Refused(_) => false,
        });
        let at = self.timeline.now();
        let grant = (*of.0, GrantName::Login);
        self.ledger.lock().unwrap().saw(host, grant, live, at);
    }

    pub(super) fn note_acquired(&self, host: Host, of: (&Lease, Duration), done: &Acquired) {
        let lease = of.0;
        let grant = (lease.session, lease.grant.clone());
        let mut ledger = self.ledger.lock().unwrap();
        match done {
            Acquired::Held { .. } => {
                self.trace(|| format!("{host}: takes the lease"));
                ledger.acquired(host, &grant, lease.holder.0);
            }
            // Exchanges renew the login's token beside the flight, each with a claim of its own.
            Acquired::Busy { .. } if !self.exchanges() => {
                ledger.found_busy(host, &grant, lease.holder.0);
            }
            Acquired::Busy { .. } | Acquired::NoGrant | Acquired::Gone => {}
        }
    }

    pub(super) fn note_marked(
        &self,
        host: Host,
        (lease, generation, deadline): (&Lease, Generation, Duration),
        done: &Written,
    ) {
        if *done == Written::Stored && !deadline.is_zero() {
            let now = self.timeline.now();
            self.trace(|| format!("{host}: marks generation {}", generation.number()));
            let mut ledger = self.ledger.lock().unwrap();
            let grant = (lease.session, lease.grant.clone());
            ledger.marked(host, grant, now, generation);
        }
    }

    pub(super) fn note_completed(
        &self,
        host: Host,
        (key, name, spent, next): (&SessionKey, &GrantName, Generation, &RefreshGrant),
        done: &Written,
    ) {
        let next_token = next.refresh_token.as_ref().map(number_of);
        self.trace(|| {
            let generation = spent.number();
            format!("{host}: completes generation {generation} with {next_token:?}: {done:?}")
        });
        let grant = (*key, name.clone());
        let mut ledger = self.ledger.lock().unwrap();
        let by = ledger.life(host);
        let (current, ended) = (ledger.generations[&grant], ledger.sessions[key].ended);
        if let Some(token) = next_token {
            ledger.is_cared_for(token);
        }
        match done {
            Written::Stored if ended => ledger.violated("a session that ended is written to"),
            Written::Stored if current != spent => {
                ledger.violated("the result of a generation that is not current is stored");
            }
            Written::Stored => {
                ledger.generations.insert(grant.clone(), spent.next());
                if next_token.is_none() && !self.was_refused(&grant) {
                    ledger.violated("a refresh token is thrown away that nobody refused");
                }
            }
            Written::Stale if current == spent && !ended => {
                ledger.violated("the result of the current generation is thrown away");
            }
            Written::Stale => {}
            Written::Gone => {
                let came = next_token.filter(|token| self.came.lock().unwrap().contains(token));
                if let Some(token) = came {
                    ledger.must_revoke(token, by);
                }
            }
        }
        if *done == Written::Stored {
            self.remember_grant(&grant, next);
        }
    }

    /// What a service's own authorization brought, which takes the place of what was there.
    pub(super) fn note_put_grant(
        &self,
        host: Host,
        (key, name, brought): (&SessionKey, &GrantName, &RefreshGrant),
        done: &Option<Generation>,
    ) {
        let token = brought.refresh_token.as_ref().map(number_of);
        self.trace(|| format!("{host}: puts a grant with {token:?}: {done:?}"));
        let grant = (*key, name.clone());
        let mut ledger = self.ledger.lock().unwrap();
        let Some(generation) = done else {
            let by = ledger.life(host);
            token
                .into_iter()
                .for_each(|token| ledger.must_revoke(token, by));
            return;
        };
        if let Some(token) = token {
            ledger.is_cared_for(token);
        }
        if ledger.sessions[key].ended {
            ledger.violated("a session that ended is given a grant");
        }
        let before = ledger.generations.insert(grant.clone(), *generation);
        if before.map_or(Generation::FIRST, Generation::next) != *generation {
            ledger.violated("a new grant does not make the one before it stale");
        }
        self.remember_grant(&grant, brought);
    }

    pub(super) fn note_put_slot(
        &self,
        host: Host,
        (key, service, slot, _): (
            &SessionKey,
            &ServiceName,
            &TokenSlot,
            Option<(&GrantName, Generation)>,
        ),
        done: &Written,
    ) {
        let TokenSlot::Token(token) = slot else {
            return;
        };
        let answer = AccessToken::read(token.value.expose()).answer;
        self.trace(|| format!("{host}: puts token {answer} for {service}: {done:?}"));
        if *done != Written::Stored {
            return;
        }
        let mut ledger = self.ledger.lock().unwrap();
        if ledger.sessions[key].ended {
            ledger.violated("a token is stored in a session that ended");
        }
        let grant = match self.strategy(service) {
            Strategy::Authorize => (*key, GrantName::Service(service.clone())),
            Strategy::Login | Strategy::Refresh => (*key, GrantName::Login),
            Strategy::Exchange | Strategy::ClientCredentials => return,
        };
        ledger.has_token(&grant);
        let current = self.held(&grant).answer;
        if answer < current {
            ledger.violated("a token of a generation that is not current is stored");
        }
        if answer > current {
            ledger.violated("a token is stored before the refresh token that came with it");
        }
    }

    /// A replica ends a session: it is over, or its refresh token was refused.
    pub(super) fn note_ended(
        &self,
        host: Host,
        key: &SessionKey,
        (held, ended): (&[GrantName], &EndedSession),
    ) {
        let grant = (*key, GrantName::Login);
        let refused = self.was_refused(&grant) || self.grant_is_dead(&grant);
        let now = Duration::from_secs(self.timeline.clock.now().seconds());
        let idle = Duration::from_secs(self.scenario.idle);
        self.trace(|| format!("{host}: ends a session, refused: {refused}"));
        let mut ledger = self.ledger.lock().unwrap();
        let session = ledger.sessions.get_mut(key).unwrap();
        let over = session.is_over(now, idle);
        session.ended = true;
        if !over && !refused {
            ledger.violated("a session is ended although its refresh token lives");
        }
        let told = |name| ended.refresh_tokens.iter().any(|(told, _)| told == name);
        if held.len() != ended.refresh_tokens.len() || !held.iter().all(told) {
            ledger.violated("whoever ends a session is not told its refresh tokens");
        }
    }

    /// Whoever is told what an ended session held must revoke it.
    pub(super) fn note_told_ended(&self, host: Host, ended: &EndedSession) {
        let mut ledger = self.ledger.lock().unwrap();
        let by = ledger.life(host);
        for (_, token) in &ended.refresh_tokens {
            ledger.must_revoke(number_of(token), by);
        }
    }

    /// Whether the provider has refused the refresh token that a grant holds.
    fn was_refused(&self, grant: &GrantOf) -> bool {
        let held = self.held(grant).refresh_token;
        held.is_some_and(|token| self.provider.lock().unwrap().has_refused(token))
    }

    /// Whether the provider has refused an earlier refresh token of a grant, and ended it with that.
    fn grant_is_dead(&self, grant: &GrantOf) -> bool {
        let held = self.held(grant).refresh_token;
        let owners = self.owners.lock().unwrap();
        let mut of_grant = owners.iter().filter(|(_, owner)| *owner == grant);
        let provider = self.provider.lock().unwrap();
        let any_refused = of_grant.any(|(token, _)| provider.has_refused(*token));
        any_refused && !held.is_some_and(|token| provider.is_live(token))
    }

    pub(super) fn remember_grant(&self, of: &GrantOf, grant: &RefreshGrant) {
        let token = grant.refresh_token.as_ref().map(number_of);
        if let Some(token) = token {
            self.owners.lock().unwrap().insert(token, of.clone());
        }
        let mut held = self.held.lock().unwrap();
        let held = held.entry(of.clone()).or_default();
        held.refresh_token = token;
        held.answer = grant.id_token.as_ref().map_or(0, answer_of);
    }
}
