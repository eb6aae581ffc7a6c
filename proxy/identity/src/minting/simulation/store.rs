//! The way to the store: calls are delayed and overtake each other, get lost, and answers too.
//! What the store did is told to the ledger in the same step.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::grant::{Generation, GrantName, RefreshGrant, Written};
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::{Reading, SessionKey, Subject};
use tokenbridge_bridge::token::{ServiceToken, TokenSlot};
use tokenbridge_session_store::{
    Acquired, Changes, Described, EndedSession, Lease, MemoryStore, NewSession, Notes,
    SessionStore, SharedTokens, StoreError, StoreHealth,
};

use super::timeline::Host;
use super::world::World;

/// The store as one replica reaches it.
pub(super) struct RemoteStore {
    pub(super) world: Arc<World>,
    pub(super) inner: Arc<MemoryStore>,
    pub(super) host: Host,
}

impl RemoteStore {
    async fn there(&self) -> Result<(), StoreError> {
        let world = &self.world;
        let lost =
            world.store_is_down(self.host) || world.happens(world.scenario.trouble.store_lost);
        self.travel().await;
        match lost {
            true => Err(self.lost("a call of the store is lost")),
            false => Ok(()),
        }
    }

    async fn back(&self) -> Result<(), StoreError> {
        let lost = self
            .world
            .happens(self.world.scenario.trouble.store_answer_lost);
        self.travel().await;
        match lost || self.world.store_is_down(self.host) {
            true => Err(self.lost("an answer of the store is lost")),
            false => Ok(()),
        }
    }

    async fn travel(&self) {
        let world = &self.world;
        let slow = world.happens(world.scenario.trouble.store_slow);
        if slow {
            world
                .ledger
                .lock()
                .unwrap()
                .troubled(self.host, world.timeline.now());
        }
        let travels = match slow {
            true => world.between(200, 5_000),
            false => world.between(0, 5),
        };
        world.timeline.sleep(travels).await;
        if slow {
            world
                .ledger
                .lock()
                .unwrap()
                .troubled(self.host, world.timeline.now());
        }
    }

    async fn ending(
        &self,
        key: &SessionKey,
        end: impl Future<Output = Result<Option<EndedSession>, StoreError>>,
    ) -> Result<Option<EndedSession>, StoreError> {
        self.there().await?;
        let mut held = Vec::new();
        for name in self.world.scenario.grants() {
            let grant = self.inner.grant(key, &name).await?;
            held.extend(grant.and_then(|grant| grant.refresh_token).map(|_| name));
        }
        let ended = end.await?;
        if let Some(ended) = &ended {
            self.world.note_ended(self.host, key, (&held, ended));
        }
        self.back().await?;
        if let Some(ended) = &ended {
            self.world.note_told_ended(self.host, ended);
        }
        Ok(ended)
    }

    fn lost(&self, what: &str) -> StoreError {
        let world = &self.world;
        world.trace(|| format!("{}: {what}", self.host));
        world
            .ledger
            .lock()
            .unwrap()
            .troubled(self.host, world.timeline.now());
        StoreError::Unavailable(what.into())
    }
}

#[async_trait]
impl SharedTokens for RemoteStore {
    async fn shared_token(&self, mark: &[u8; 32]) -> Result<Option<ServiceToken>, StoreError> {
        self.there().await?;
        let found = self.inner.shared_token(mark).await?;
        self.back().await.map(|()| found)
    }

    async fn put_shared_token(
        &self,
        mark: &[u8; 32],
        token: &ServiceToken,
    ) -> Result<(), StoreError> {
        self.there().await?;
        self.inner.put_shared_token(mark, token).await?;
        self.back().await
    }

    async fn unclaim(&self, mark: &[u8; 32]) -> Result<(), StoreError> {
        self.there().await?;
        self.inner.unclaim(mark).await?;
        self.back().await
    }
}

#[async_trait]
impl Notes for RemoteStore {
    async fn note(&self, mark: &[u8; 32]) -> Result<Option<String>, StoreError> {
        self.there().await?;
        let found = self.inner.note(mark).await?;
        self.back().await.map(|()| found)
    }

    async fn put_note(&self, mark: &[u8; 32], text: &str, ttl: Duration) -> Result<(), StoreError> {
        self.there().await?;
        self.inner.put_note(mark, text, ttl).await?;
        self.back().await
    }
}

macro_rules! remote {
    (@note ($store:ident, $arguments:expr, $done:expr)) => {};
    (@note $note:ident ($store:ident, $arguments:expr, $done:expr)) => {
        $store.world.$note($store.host, $arguments, $done)
    };
    ($(fn $name:ident($($argument:ident: $kind:ty),*) -> $result:ty $([$note:ident])?;)*) => {
        #[async_trait]
        impl SessionStore for RemoteStore {
            $(async fn $name(&self, $($argument: $kind),*) -> Result<$result, StoreError> {
                self.there().await?;
                let done = self.inner.$name($($argument),*).await?;
                remote!(@note $($note)? (self, ($($argument,)*), &done));
                self.back().await.map(|()| done)
            })*

            async fn end(
                &self, key: &SessionKey, replaced_for: Option<Duration>
            ) -> Result<Option<EndedSession>, StoreError> {
                self.ending(key, self.inner.end(key, replaced_for)).await
            }

            async fn end_refused(
                &self, key: &SessionKey, grant: &GrantName, refused: Generation
            ) -> Result<Option<EndedSession>, StoreError> {
                self.ending(key, self.inner.end_refused(key, grant, refused)).await
            }

            async fn release(&self, lease: &Lease) -> Result<(), StoreError> {
                self.world.ledger.lock().unwrap().gives_back(lease.holder.0);
                self.there().await?;
                self.inner.release(lease).await?;
                self.back().await
            }

            fn changes(&self) -> Changes {
                self.inner.changes()
            }

            fn health(&self) -> StoreHealth {
                self.inner.health()
            }
        }
    };
}

remote! {
    fn create(session: &NewSession) -> ();
    fn read(key: &SessionKey, service: &ServiceName) -> Reading [note_read];
    fn describe(key: &SessionKey) -> Described [note_described];
    fn sessions_of(subject: &Subject) -> Vec<SessionKey>;
    fn sessions_of_idp_session(issuer: &str, sid: &str) -> Vec<SessionKey>;
    fn touch(key: &SessionKey, now: UnixTime) -> bool;
    fn put_slot(
        key: &SessionKey, service: &ServiceName, slot: &TokenSlot,
        guard: Option<(&GrantName, Generation)>
    ) -> Written [note_put_slot];
    fn grant(key: &SessionKey, name: &GrantName) -> Option<RefreshGrant>;
    fn put_grant(key: &SessionKey, name: &GrantName, grant: &RefreshGrant) -> Option<Generation>
        [note_put_grant];
    fn acquire(lease: &Lease, ttl: Duration) -> Acquired [note_acquired];
    fn keep(lease: &Lease, ttl: Duration) -> bool;
    fn mark_sent(lease: &Lease, generation: Generation, deadline: Duration) -> Written [note_marked];
    fn clear_sent(lease: &Lease, generation: Generation) -> Written;
    fn complete(
        key: &SessionKey, name: &GrantName, spent: Generation, next: &RefreshGrant
    ) -> Written [note_completed];
    fn schedule(key: &SessionKey, at: UnixTime) -> ();
    fn unschedule(key: &SessionKey) -> ();
    fn due_before(now: UnixTime, limit: usize) -> Vec<SessionKey>;
    fn claim_once(mark: &[u8; 32], ttl: Duration) -> bool;
    fn active_sessions() -> u64;
    fn ping() -> ();
}
