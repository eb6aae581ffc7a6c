//! The one trait that every store implements, and what goes in and out of it.
//!
//! Every write but [`create`](SessionStore::create) is conditional on the session being there: no
//! late write brings an ended session back. A call either happens in one atomic step or says in
//! its text in which order its steps happen.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use tokenbridge_bridge::grant::{Generation, GrantName, RefreshGrant, Written};
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::{Profile, Reading, SessionFacts, SessionKey, Subject};
use tokenbridge_bridge::token::TokenSlot;
use tokenbridge_bridge::{Secret, UnixTime};

use crate::changes::Changes;
use crate::error::StoreError;
use crate::health::StoreHealth;
use crate::lease::{Acquired, Lease};
use crate::notes::Notes;
use crate::shared_tokens::SharedTokens;

/// A session as a login creates it.
#[derive(Clone, Debug)]
pub struct NewSession {
    /// The hash of its fresh id.
    pub key: SessionKey,
    /// What will not change. It lives from `created_at` (now) until `expires_at`.
    pub facts: SessionFacts,
    /// What the page may show.
    pub profile: Profile,
    /// What the login brought; stored as [`GrantName::Login`] with its own generation, which is
    /// [`Generation::FIRST`].
    pub grant: RefreshGrant,
}

/// What the session's own page is told.
#[derive(Clone, Debug)]
pub enum Described {
    /// The session is there.
    Found(Box<Description>),
    /// A new login replaced it a moment ago.
    Replaced,
    /// It is not there, or no longer.
    Absent,
    /// It is there, but this replica has no key that opens it. Another one may.
    Unreadable,
}

/// Everything of a session but its refresh tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Description {
    /// What is known since the login.
    pub facts: SessionFacts,
    /// What the page may show.
    pub profile: Profile,
    /// When it was last used.
    pub last_seen: UnixTime,
    /// What stands where each service's token belongs.
    pub slots: BTreeMap<ServiceName, TokenSlot>,
}

/// What is left to do for a session that was just removed: revoke and log out at the provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndedSession {
    /// Whose it was.
    pub facts: SessionFacts,
    /// All refresh tokens that it held, to be revoked.
    pub refresh_tokens: Vec<(GrantName, Secret)>,
    /// The login's newest ID token, for `id_token_hint` alone.
    pub id_token: Option<Secret>,
}

/// Where sessions live.
#[async_trait]
pub trait SessionStore: SharedTokens + Notes {
    /// Stores a session until `facts.expires_at`, last seen at `facts.created_at`. The index
    /// entries (subject, provider's session, due) are written before the session itself.
    ///
    /// # Errors
    /// [`StoreError::Full`] when there is no room: nothing live is evicted for it.
    async fn create(&self, session: &NewSession) -> Result<(), StoreError>;

    /// Reads a session for one service, in one round trip. The caller judges idleness and expiry.
    /// A slot that cannot be read counts as empty (with a warning), so that it is minted anew.
    ///
    /// # Errors
    /// The store does not answer.
    async fn read(&self, key: &SessionKey, service: &ServiceName) -> Result<Reading, StoreError>;

    /// Reads everything of a session but its refresh tokens, in one round trip.
    ///
    /// # Errors
    /// The store does not answer.
    async fn describe(&self, key: &SessionKey) -> Result<Described, StoreError>;

    /// Removes a session with all its grants and tokens in one atomic step, then its index
    /// entries. Of several calls at the same time exactly one is given the session; the others get
    /// `None`. With `replaced_for`, readers are told [`Reading::Replaced`] for that long, which is
    /// what a new login wants; a logout passes `None`.
    ///
    /// # Errors
    /// The store does not answer.
    async fn end(
        &self,
        key: &SessionKey,
        replaced_for: Option<Duration>,
    ) -> Result<Option<EndedSession>, StoreError>;

    /// As [`end`](Self::end), but only while the grant is of the generation whose refresh token was
    /// refused: whoever renewed it meanwhile has shown that it lives. `None` otherwise.
    ///
    /// # Errors
    /// The store does not answer.
    async fn end_refused(
        &self,
        key: &SessionKey,
        grant: &GrantName,
        refused: Generation,
    ) -> Result<Option<EndedSession>, StoreError>;

    /// All live sessions of a subject. Index entries of sessions that are gone are dropped.
    ///
    /// # Errors
    /// The store does not answer.
    async fn sessions_of(&self, subject: &Subject) -> Result<Vec<SessionKey>, StoreError>;

    /// All live sessions that belong to one session at the provider (`iss` and `sid` of a logout
    /// token).
    ///
    /// # Errors
    /// The store does not answer.
    async fn sessions_of_idp_session(
        &self,
        issuer: &str,
        sid: &str,
    ) -> Result<Vec<SessionKey>, StoreError>;

    /// Notes that a session was used; never goes back in time. `false`: the session is gone.
    ///
    /// # Errors
    /// The store does not answer or is full.
    async fn touch(&self, key: &SessionKey, now: UnixTime) -> Result<bool, StoreError>;

    /// Stores what stands where a service's token belongs. With `guard`, only while the named
    /// grant's current generation is the given one; [`Written::Stale`] otherwise.
    ///
    /// # Errors
    /// The store does not answer or is full.
    async fn put_slot(
        &self,
        key: &SessionKey,
        service: &ServiceName,
        slot: &TokenSlot,
        guard: Option<(&GrantName, Generation)>,
    ) -> Result<Written, StoreError>;

    /// A grant as it stands now, without a lease: `None` when the session or the grant is gone.
    ///
    /// # Errors
    /// The store does not answer, or the grant cannot be read.
    async fn grant(
        &self,
        key: &SessionKey,
        name: &GrantName,
    ) -> Result<Option<RefreshGrant>, StoreError>;

    /// Stores a grant that a fresh authorization brought (strategy `authorize`), whatever stood
    /// there, and clears a sent mark. The store numbers it: one more than what stood there,
    /// [`Generation::FIRST`] where nothing did, so that a flight of an older grant finds itself
    /// stale. Returns that number; `None`: the session is gone and nothing was stored.
    ///
    /// # Errors
    /// The store does not answer or is full.
    async fn put_grant(
        &self,
        key: &SessionKey,
        name: &GrantName,
        grant: &RefreshGrant,
    ) -> Result<Option<Generation>, StoreError>;

    /// Takes the lease of a grant for `ttl`, unless another holder has it.
    ///
    /// # Errors
    /// The store does not answer, or the grant cannot be read.
    async fn acquire(&self, lease: &Lease, ttl: Duration) -> Result<Acquired, StoreError>;

    /// Extends a lease to `ttl` from now. `false`: it is no longer this holder's.
    ///
    /// # Errors
    /// The store does not answer.
    async fn keep(&self, lease: &Lease, ttl: Duration) -> Result<bool, StoreError>;

    /// Notes, before a refresh token leaves, that this generation is being sent and by when an
    /// answer must have come. [`Written::Stale`]: the lease is no longer this holder's, or the
    /// generation is no longer current; the token must not be sent.
    ///
    /// # Errors
    /// The store does not answer or is full; the token must not be sent.
    async fn mark_sent(
        &self,
        lease: &Lease,
        generation: Generation,
        deadline: Duration,
    ) -> Result<Written, StoreError>;

    /// Takes this holder's own mark back, when the provider surely did not get the refresh token
    /// (a refused connection). [`Written::Stale`]: there is no such mark of this holder.
    ///
    /// # Errors
    /// The store does not answer.
    async fn clear_sent(
        &self,
        lease: &Lease,
        generation: Generation,
    ) -> Result<Written, StoreError>;

    /// Stores what a refresh brought, in one atomic step and whoever holds the lease by now, if
    /// the grant's current generation is `spent`: `next` gets the generation after `spent` (the
    /// one in `next` is not looked at) and the sent mark is cleared.
    ///
    /// # Errors
    /// The store does not answer or is full.
    async fn complete(
        &self,
        key: &SessionKey,
        name: &GrantName,
        spent: Generation,
        next: &RefreshGrant,
    ) -> Result<Written, StoreError>;

    /// Gives a lease back, if it is this holder's. The sent mark stays.
    ///
    /// # Errors
    /// The store does not answer.
    async fn release(&self, lease: &Lease) -> Result<(), StoreError>;

    /// Notes when a session is to be looked at for renewal next; replaces an earlier note.
    ///
    /// # Errors
    /// The store does not answer or is full.
    async fn schedule(&self, key: &SessionKey, at: UnixTime) -> Result<(), StoreError>;

    /// Takes that note back: until the next [`schedule`](Self::schedule) the session falls due no
    /// more.
    ///
    /// # Errors
    /// The store does not answer.
    async fn unschedule(&self, key: &SessionKey) -> Result<(), StoreError>;

    /// Live sessions that are due at or before `now`, earliest first, at most `limit`. The notes
    /// stay until they are replaced; those of sessions that are gone are dropped. An empty answer
    /// means that nothing is due, or that only notes of ended sessions were found so far.
    ///
    /// # Errors
    /// The store does not answer.
    async fn due_before(&self, now: UnixTime, limit: usize) -> Result<Vec<SessionKey>, StoreError>;

    /// Claims a mark for `ttl`. Exactly one of all callers in the fleet gets `true` in that time:
    /// a login flow is used once.
    ///
    /// # Errors
    /// The store does not answer or is full.
    async fn claim_once(&self, mark: &[u8; 32], ttl: Duration) -> Result<bool, StoreError>;

    /// How many sessions there are; expired ones may be counted for a while. For a gauge.
    ///
    /// # Errors
    /// The store does not answer.
    async fn active_sessions(&self) -> Result<u64, StoreError>;

    /// Asks whether the store answers.
    ///
    /// # Errors
    /// It does not.
    async fn ping(&self) -> Result<(), StoreError>;

    /// Listens to what happens to sessions, whichever replica does it. Called inside the runtime
    /// that is to do the listening; does no I/O itself.
    fn changes(&self) -> Changes;

    /// What the last call showed; does no I/O.
    fn health(&self) -> StoreHealth;
}
