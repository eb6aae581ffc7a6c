//! The store in Redis (6.2 or newer, or Valkey), for any number of replicas.
//!
//! Every value but times, counters and names is sealed for its session and its field. Every
//! conditional write is one script, so that no reader sees half of it and no late write brings a session back. Every
//! key has a TTL, set in the step that writes it. A full server refuses new sessions and marks;
//! what a living session still has to store is let through, for which the scripts use that Redis
//! checks memory only before a script's first write.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::grant::{Generation, GrantName, RefreshGrant, Written};
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::{Reading, SessionKey, Subject};
use tokenbridge_bridge::token::TokenSlot;

use crate::changes::Changes;
use crate::clock::Clock;
use crate::error::StoreError;
use crate::health::{HealthRecord, StoreHealth};
use crate::keyring::Keyring;
use crate::lease::{Acquired, Lease};
use crate::store::{Described, EndedSession, NewSession, SessionStore};
use crate::telemetry::StoreTelemetry;

mod address;
mod announcement;
mod calls;
mod cluster;
mod codec;
mod fault;
mod follower;
mod grants;
mod indexes;
mod link;
mod names;
mod notes;
mod options;
mod rates;
mod record;
mod scripts;
mod sessions;
mod shared_tokens;
mod stored;
mod subscription;
mod wire;

pub use options::{RedisOptions, RedisUrlError};
pub use rates::SharedRates;

use address::Address;
use codec::Codec;
use follower::Follower;
use link::Link;
use names::Names;
use scripts::Scripts;

/// Sessions in Redis. It holds one connection, so each runtime has a store of its own: see
/// [`sibling`](Self::sibling).
pub struct RedisStore {
    options: RedisOptions,
    names: Names,
    codec: Arc<Codec>,
    scripts: Arc<Scripts>,
    health: Arc<HealthRecord>,
    telemetry: Option<Arc<dyn StoreTelemetry>>,
    follower: Arc<Follower>,
    link: Link,
}

impl RedisStore {
    /// A store that connects when it is first used, inside the runtime of that use.
    ///
    /// # Errors
    /// What is wrong with the options, without showing the URL.
    pub fn open(
        options: &RedisOptions,
        keys: Arc<Keyring>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, RedisUrlError> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        if options.frontend.is_empty() || !options.frontend.bytes().all(plain) {
            return Err(RedisUrlError::Frontend);
        }
        let health = Arc::new(HealthRecord::new(Arc::clone(&clock)));
        let names = Names::of(&options.frontend);
        let follower = Follower::new(Address::parse(options)?, names.changes());
        Ok(Self {
            follower: Arc::new(follower),
            link: Link::new(Address::parse(options)?, options, Arc::clone(&health)),
            options: options.clone(),
            names,
            codec: Arc::new(Codec::new(keys, clock)),
            scripts: Arc::new(Scripts::new()),
            health,
            telemetry: None,
        })
    }

    /// The same store with a connection of its own, for another runtime. Health is shared.
    ///
    /// # Errors
    /// None that [`open`](Self::open) would not have shown.
    pub fn sibling(&self) -> Result<Self, RedisUrlError> {
        let address = Address::parse(&self.options)?;
        Ok(Self {
            link: Link::new(address, &self.options, Arc::clone(&self.health)),
            options: self.options.clone(),
            follower: Arc::clone(&self.follower),
            names: self.names.clone(),
            codec: Arc::clone(&self.codec),
            scripts: Arc::clone(&self.scripts),
            health: Arc::clone(&self.health),
            telemetry: self.telemetry.clone(),
        })
    }

    /// The same store, its operations counted; so are those of its siblings.
    #[must_use]
    pub fn counted_by(self, telemetry: Arc<dyn StoreTelemetry>) -> Self {
        Self {
            telemetry: Some(telemetry),
            ..self
        }
    }
}

#[async_trait]
impl SessionStore for RedisStore {
    async fn create(&self, session: &NewSession) -> Result<(), StoreError> {
        self.observe("create", self.create_session(session)).await
    }

    async fn read(&self, key: &SessionKey, service: &ServiceName) -> Result<Reading, StoreError> {
        // Not by `observe`: a future that is passed on takes its room twice, and requests wait here.
        let outcome = self.read_session(key, service).await;
        self.count("read", &outcome);
        outcome
    }

    async fn describe(&self, key: &SessionKey) -> Result<Described, StoreError> {
        self.observe("describe", self.describe_session(key)).await
    }

    async fn end(
        &self,
        key: &SessionKey,
        replaced_for: Option<Duration>,
    ) -> Result<Option<EndedSession>, StoreError> {
        self.observe("end", self.end_session(key, replaced_for, None))
            .await
    }

    async fn end_refused(
        &self,
        key: &SessionKey,
        grant: &GrantName,
        refused: Generation,
    ) -> Result<Option<EndedSession>, StoreError> {
        let ending = self.end_session(key, None, Some((grant, refused)));
        self.observe("end", ending).await
    }

    async fn sessions_of(&self, subject: &Subject) -> Result<Vec<SessionKey>, StoreError> {
        self.observe(
            "sessions_of",
            self.live_in_index(self.names.subject(subject)),
        )
        .await
    }

    async fn sessions_of_idp_session(
        &self,
        issuer: &str,
        sid: &str,
    ) -> Result<Vec<SessionKey>, StoreError> {
        self.observe(
            "sessions_of_idp_session",
            self.live_in_index(self.names.idp_session(issuer, sid)),
        )
        .await
    }

    async fn touch(&self, key: &SessionKey, now: UnixTime) -> Result<bool, StoreError> {
        self.observe("touch", self.touch_session(key, now)).await
    }

    async fn put_slot(
        &self,
        key: &SessionKey,
        service: &ServiceName,
        slot: &TokenSlot,
        guard: Option<(&GrantName, Generation)>,
    ) -> Result<Written, StoreError> {
        self.observe("put_slot", self.store_slot(key, service, slot, guard))
            .await
    }

    async fn grant(
        &self,
        key: &SessionKey,
        name: &GrantName,
    ) -> Result<Option<RefreshGrant>, StoreError> {
        self.observe("grant", self.read_grant(key, name)).await
    }

    async fn put_grant(
        &self,
        key: &SessionKey,
        name: &GrantName,
        grant: &RefreshGrant,
    ) -> Result<Option<Generation>, StoreError> {
        self.observe("put_grant", self.store_grant(key, name, grant))
            .await
    }

    async fn acquire(&self, lease: &Lease, ttl: Duration) -> Result<Acquired, StoreError> {
        self.observe("acquire", self.acquire_lease(lease, ttl))
            .await
    }

    async fn keep(&self, lease: &Lease, ttl: Duration) -> Result<bool, StoreError> {
        self.observe("keep", self.keep_lease(lease, ttl)).await
    }

    async fn mark_sent(
        &self,
        lease: &Lease,
        generation: Generation,
        deadline: Duration,
    ) -> Result<Written, StoreError> {
        self.observe("mark_sent", self.store_sent(lease, generation, deadline))
            .await
    }

    async fn clear_sent(
        &self,
        lease: &Lease,
        generation: Generation,
    ) -> Result<Written, StoreError> {
        self.observe("clear_sent", self.remove_sent(lease, generation))
            .await
    }

    async fn complete(
        &self,
        key: &SessionKey,
        name: &GrantName,
        spent: Generation,
        next: &RefreshGrant,
    ) -> Result<Written, StoreError> {
        self.observe("complete", self.complete_grant(key, name, spent, next))
            .await
    }

    async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
        self.observe("release", self.release_lease(lease)).await
    }

    async fn schedule(&self, key: &SessionKey, at: UnixTime) -> Result<(), StoreError> {
        self.observe("schedule", self.schedule_session(key, at))
            .await
    }

    async fn unschedule(&self, key: &SessionKey) -> Result<(), StoreError> {
        self.observe("unschedule", self.unschedule_session(key))
            .await
    }

    async fn due_before(&self, now: UnixTime, limit: usize) -> Result<Vec<SessionKey>, StoreError> {
        self.observe("due_before", self.due_sessions(now, limit))
            .await
    }

    async fn claim_once(&self, mark: &[u8; 32], ttl: Duration) -> Result<bool, StoreError> {
        self.observe("claim_once", self.claim_mark(mark, ttl)).await
    }

    async fn active_sessions(&self) -> Result<u64, StoreError> {
        self.observe("active_sessions", self.count_sessions()).await
    }

    async fn ping(&self) -> Result<(), StoreError> {
        let pong = async { self.query::<String>(&redis::cmd("PING")).await };
        self.observe("ping", pong).await.map(|_| ())
    }

    fn changes(&self) -> Changes {
        self.follower.listen()
    }

    fn health(&self) -> StoreHealth {
        self.health.get()
    }
}
