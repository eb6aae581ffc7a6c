//! What people and upstreams do: log in, ask, give up, log out; an upstream rejects a token.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokenbridge_bridge::grant::{Generation, GrantName, RefreshGrant};
use tokenbridge_bridge::service::{Audience, ServiceName, Strategy};
use tokenbridge_bridge::session::{
    FoundSession, Profile, Reading, SessionFacts, SessionKey, Subject,
};
use tokenbridge_bridge::token::{MintRefusalReason, ServiceToken, TokenSlot};
use tokenbridge_bridge::{Secret, UnixTime};
use tokenbridge_session_store::{Clock, NewSession, SessionStore};

use super::fleet::Fleet;
use super::provider::{AccessToken, ISSUER, SUBJECT, number_of};
use super::scenario::service_name;
use super::timeline::Host;
use super::world::World;
use crate::minting::Minting;
use crate::minting::at_login::LoginToken;
use crate::minting::flights::Ticket;
use crate::minting::order::{Order, Trigger};
use crate::tokens::request::TokenRequest;

/// How many sessions there are at most in one seed.
const SESSIONS: usize = 4;

/// A session as it should be, by the time of day.
pub(super) struct KnownSession {
    pub(super) last_seen: Duration,
    pub(super) expires: Duration,
    pub(super) ended: bool,
}

impl KnownSession {
    /// Whether it was ended, or may be, at a time of day.
    pub(super) fn is_over(&self, now: Duration, idle: Duration) -> bool {
        self.ended || now >= self.expires || now.saturating_sub(self.last_seen) >= idle
    }
}

/// See the module.
pub(super) struct Users {
    world: Arc<World>,
    sessions: Vec<SessionKey>,
    waiting: Vec<Ticket>,
}

impl Users {
    pub(super) fn new(world: &Arc<World>) -> Self {
        Self {
            world: Arc::clone(world),
            sessions: Vec::new(),
            waiting: Vec::new(),
        }
    }

    /// Somebody does something.
    pub(super) fn act(&mut self, fleet: &Fleet) {
        let world = Arc::clone(&self.world);
        let trouble = &world.scenario.trouble;
        let log_in = self.sessions.is_empty()
            || (self.sessions.len() < SESSIONS && self.world.happens(1_000));
        if log_in {
            return self.log_in(fleet);
        }
        let session = self.sessions[self.world.below(self.sessions.len())];
        if self.world.happens(trouble.logout) {
            self.log_out(&session);
        } else if self.world.happens(trouble.revocation) {
            self.revoke(&session);
        } else {
            let service = self.world.below(self.world.scenario.strategies.len());
            self.ask(fleet, session, service_name(service));
        }
        if self.world.happens(trouble.abort) {
            self.waiting.clear();
        }
    }

    fn now(&self) -> UnixTime {
        self.world.timeline.clock.now()
    }

    fn log_in(&mut self, fleet: &Fleet) {
        let Some((host, minting)) = fleet.any() else {
            return;
        };
        let now = self.now();
        let came = self.world.provider.lock().unwrap().login(now);
        let number = self.sessions.len() as u8;
        let key = SessionKey::from_bytes([number + 1; 32]);
        let login = came.access_token.clone().unwrap();
        let ends = AccessToken::read(login.expose()).ends;
        let grant = RefreshGrant {
            refresh_token: came.refresh_token,
            generation: Generation::FIRST,
            scopes: None,
            access_token: Some((login.clone(), ends)),
            id_token: came.id_token,
        };
        let life = Duration::from_secs(self.world.scenario.session_life);
        let session = new_session(key, grant.clone(), (now, now.plus(life)));
        done(self.world.memory.create(&session)).unwrap();
        let of = (key, GrantName::Login);
        self.world.remember_grant(&of, &grant);
        let mut ledger = self.world.ledger.lock().unwrap();
        ledger.generations.insert(of, Generation::FIRST);
        ledger.sessions.insert(
            key,
            KnownSession {
                last_seen: Duration::from_secs(now.seconds()),
                expires: Duration::from_secs(now.seconds()) + life,
                ended: false,
            },
        );
        drop(ledger);
        self.sessions.push(key);
        self.world
            .trace(|| format!("{host}: login of session {number}"));
        let token = ServiceToken {
            audiences: vec![Audience::new(AccessToken::read(login.expose()).audience)],
            value: login,
            scopes: Vec::new(),
            issued_at: now,
            expires_at: ends,
            forced: false,
        };
        let login = LoginToken {
            token: Ok(token),
            made_for: None,
        };
        let fill = async move {
            let _ = minting.fill(key, login).await;
        };
        self.world.timeline.spawn(host, Box::pin(fill));
    }

    fn log_out(&self, session: &SessionKey) {
        let Some(ended) = done(self.world.memory.end(session, None)).unwrap() else {
            return;
        };
        self.world.trace(|| "a logout".into());
        let mut ledger = self.world.ledger.lock().unwrap();
        ledger.sessions.get_mut(session).unwrap().ended = true;
        for (_, token) in ended.refresh_tokens {
            self.world
                .provider
                .lock()
                .unwrap()
                .revoke(number_of(&token));
        }
    }

    /// The provider's administrator ends a grant.
    fn revoke(&self, session: &SessionKey) {
        let grants = self.world.scenario.grants();
        let name = grants[self.world.below(grants.len())].clone();
        if let Some(token) = self.world.held(&(*session, name)).refresh_token {
            self.world
                .trace(|| format!("the provider ends the grant of rt-{token}"));
            self.world.provider.lock().unwrap().end_grant_of(token);
        }
    }

    /// A session as a request finds it, if it is not over.
    pub(super) fn find(&self, session: SessionKey, service: &ServiceName) -> Option<FoundSession> {
        let found = match done(self.world.memory.read(&session, service)).unwrap() {
            Reading::Found(found) => *found,
            Reading::Replaced | Reading::Absent | Reading::Unreadable => return None,
        };
        let (now, idle) = (self.now(), self.world.scenario.rules().idle);
        found.facts.check_alive(found.last_seen, idle, now).ok()?;
        done(self.world.memory.touch(&session, now)).unwrap();
        let mut ledger = self.world.ledger.lock().unwrap();
        let known = ledger.sessions.get_mut(&session).unwrap();
        known.last_seen = Duration::from_secs(now.seconds());
        if known.ended {
            ledger.violated("a session that ended is back");
        }
        Some(found)
    }

    /// A request.
    pub(super) fn ask(&mut self, fleet: &Fleet, session: SessionKey, service: ServiceName) {
        let (Some(found), Some((host, minting))) = (self.find(session, &service), fleet.any())
        else {
            return;
        };
        if self.wants_browser(found.slot.as_ref(), &service) {
            return self.authorize((host, minting), session, service);
        }
        let now = self.now();
        let rejected = self.world.happens(self.world.scenario.trouble.rejection);
        let trigger = match found.slot {
            Some(TokenSlot::Token(token)) if now < token.expires_at => {
                if rejected && token.may_be_replaced(now) {
                    Trigger::Rejected(token.issued_at)
                } else {
                    Trigger::Renewal
                }
            }
            Some(TokenSlot::Token(_) | TokenSlot::Refused(_)) | None => Trigger::Demand,
        };
        self.world
            .trace(|| format!("{host}: {trigger:?} of {service}"));
        let ticket = minting.request(Order {
            session,
            service,
            trigger,
        });
        self.waiting.push(ticket);
    }

    /// Whether a service with an authorization of its own has none, or none any more.
    fn wants_browser(&self, slot: Option<&TokenSlot>, service: &ServiceName) -> bool {
        let refused = match slot {
            Some(TokenSlot::Token(_)) => return false,
            Some(TokenSlot::Refused(refused)) => Some(refused.reason),
            None => None,
        };
        self.world.strategy(service) == Strategy::Authorize
            && refused.is_none_or(|reason| reason == MintRefusalReason::InteractionRequired)
    }

    /// The browser comes back from the provider with a code for a service of its own.
    fn authorize(
        &self,
        (host, minting): (Host, Arc<Minting>),
        session: SessionKey,
        service: ServiceName,
    ) {
        self.world
            .trace(|| format!("{host}: an authorization of {service}"));
        let plan = self.world.scenario.plan(&service);
        let order = Order {
            session,
            service,
            trigger: Trigger::Demand,
        };
        let secret = Secret::new("code");
        let request = TokenRequest::code(&secret, "", &secret, plan.target_value.as_deref());
        let lands = async move {
            match minting.redeem(&plan, &request).await {
                Ok(granted) => minting.authorized(&order, &plan, &granted).await,
                Err(refused) => minting.not_authorized(&order, &plan, refused).await,
            };
        };
        self.world.timeline.spawn(host, Box::pin(lands));
    }

    /// Whether all who waited were told.
    pub(super) fn all_told(&mut self) -> bool {
        self.waiting
            .retain(|ticket| ticket.clone().now_or_never().is_none());
        self.waiting.is_empty()
    }
}

fn new_session(
    key: SessionKey,
    grant: RefreshGrant,
    (created_at, expires_at): (UnixTime, UnixTime),
) -> NewSession {
    NewSession {
        key,
        facts: SessionFacts {
            subject: Subject {
                issuer: ISSUER.into(),
                subject: SUBJECT.into(),
            },
            idp_session: None,
            created_at,
            expires_at,
            authenticated_at: None,
            acr: None,
        },
        profile: Profile::default(),
        grant,
    }
}

/// The result of what needs no time.
pub(super) fn done<T>(future: impl Future<Output = T>) -> T {
    future.now_or_never().unwrap()
}
