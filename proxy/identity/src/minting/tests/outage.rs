//! A store that a test can switch off.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::grant::{Generation, GrantName, RefreshGrant, Written};
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::{Reading, SessionKey, Subject};
use tokenbridge_bridge::token::{ServiceToken, TokenSlot};
use tokenbridge_session_store::{
    Acquired, Described, EndedSession, Lease, MemoryStore, NewSession, Notes, SessionStore,
    SharedTokens, StoreError, StoreHealth,
};

/// A memory store behind a switch.
pub(super) struct SwitchedStore {
    inner: Arc<MemoryStore>,
    down: AtomicBool,
}

impl SwitchedStore {
    pub(super) fn new(inner: Arc<MemoryStore>) -> Self {
        Self {
            inner,
            down: AtomicBool::new(false),
        }
    }

    pub(super) fn switch(&self, down: bool) {
        self.down.store(down, Ordering::SeqCst);
    }

    fn up(&self) -> Result<(), StoreError> {
        match self.down.load(Ordering::SeqCst) {
            true => Err(StoreError::Unavailable("switched off".into())),
            false => Ok(()),
        }
    }
}

#[async_trait]
impl SharedTokens for SwitchedStore {
    async fn shared_token(&self, mark: &[u8; 32]) -> Result<Option<ServiceToken>, StoreError> {
        self.up()?;
        self.inner.shared_token(mark).await
    }

    async fn put_shared_token(
        &self,
        mark: &[u8; 32],
        token: &ServiceToken,
    ) -> Result<(), StoreError> {
        self.up()?;
        self.inner.put_shared_token(mark, token).await
    }

    async fn unclaim(&self, mark: &[u8; 32]) -> Result<(), StoreError> {
        self.up()?;
        self.inner.unclaim(mark).await
    }
}

#[async_trait]
impl Notes for SwitchedStore {
    async fn note(&self, mark: &[u8; 32]) -> Result<Option<String>, StoreError> {
        self.up()?;
        self.inner.note(mark).await
    }

    async fn put_note(&self, mark: &[u8; 32], text: &str, ttl: Duration) -> Result<(), StoreError> {
        self.up()?;
        self.inner.put_note(mark, text, ttl).await
    }
}

macro_rules! switched {
    ($(fn $name:ident($($argument:ident: $kind:ty),*) -> $result:ty;)*) => {
        #[async_trait]
        impl SessionStore for SwitchedStore {
            $(async fn $name(&self, $($argument: $kind),*) -> Result<$result, StoreError> {
                self.up()?;
                self.inner.$name($($argument),*).await
            })*

            fn changes(&self) -> tokenbridge_session_store::Changes {
                self.inner.changes()
            }

            fn health(&self) -> StoreHealth {
                self.inner.health()
            }
        }
    };
}

switched! {
    fn create(session: &NewSession) -> ();
    fn read(key: &SessionKey, service: &ServiceName) -> Reading;
    fn describe(key: &SessionKey) -> Described;
    fn end(key: &SessionKey, replaced_for: Option<Duration>) -> Option<EndedSession>;
    fn end_refused(
        key: &SessionKey, grant: &GrantName, refused: Generation
    ) -> Option<EndedSession>;
    fn sessions_of(subject: &Subject) -> Vec<SessionKey>;
    fn sessions_of_idp_session(issuer: &str, sid: &str) -> Vec<SessionKey>;
    fn touch(key: &SessionKey, now: UnixTime) -> bool;
    fn put_slot(
        key: &SessionKey, service: &ServiceName, slot: &TokenSlot,
        guard: Option<(&GrantName, Generation)>
    ) -> Written;
    fn grant(key: &SessionKey, name: &GrantName) -> Option<RefreshGrant>;
    fn put_grant(key: &SessionKey, name: &GrantName, grant: &RefreshGrant) -> Option<Generation>;
    fn acquire(lease: &Lease, ttl: Duration) -> Acquired;
    fn keep(lease: &Lease, ttl: Duration) -> bool;
    fn mark_sent(lease: &Lease, generation: Generation, deadline: Duration) -> Written;
    fn clear_sent(lease: &Lease, generation: Generation) -> Written;
    fn complete(
        key: &SessionKey, name: &GrantName, spent: Generation, next: &RefreshGrant
    ) -> Written;
    fn release(lease: &Lease) -> ();
    fn schedule(key: &SessionKey, at: UnixTime) -> ();
    fn unschedule(key: &SessionKey) -> ();
    fn due_before(now: UnixTime, limit: usize) -> Vec<SessionKey>;
    fn claim_once(mark: &[u8; 32], ttl: Duration) -> bool;
    fn active_sessions() -> u64;
    fn ping() -> ();
}
