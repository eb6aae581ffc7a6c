//! What the provider remembers: sessions, grants, and fingerprints of what it gave out.

mod access_tokens;
mod codes;
mod refresh_tokens;
mod search;
mod sessions;

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use crate::random::Fingerprint;
use crate::scopes::Scopes;

pub(crate) use access_tokens::AccessToken;
pub(crate) use codes::{Code, CodeRefusal};
pub(crate) use refresh_tokens::{RefreshRefusal, RefreshToken};
pub(crate) use sessions::IdpSession;

/// How often what has expired is forgotten.
const TIDYING_INTERVAL: Duration = Duration::from_secs(10);

/// Names a grant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct GrantId(u64);

/// What a user granted to a client in one authorization. All tokens that come from it, by code
/// or by refresh, are one family and are revoked together.
#[derive(Clone, Debug)]
pub(crate) struct Grant {
    pub(crate) client_id: String,
    pub(crate) subject: String,
    pub(crate) scopes: Scopes,
    pub(crate) login_targets: Vec<String>,
    pub(crate) nonce: Option<String>,
    pub(crate) auth_time: u64,
    /// The `sid` claim.
    pub(crate) sid: String,
    pub(crate) revoked: bool,
    /// When nothing that came from the grant can be alive any more.
    pub(crate) ends_at: Duration,
}

/// The provider's memory. All of it is behind one lock, so each step is atomic.
#[derive(Default)]
pub(crate) struct Ledger {
    next_grant: u64,
    tidied_at: Duration,
    grants: HashMap<GrantId, Grant>,
    codes: HashMap<Fingerprint, Code>,
    refresh_tokens: HashMap<Fingerprint, RefreshToken>,
    access_tokens: HashMap<Fingerprint, AccessToken>,
    sessions: HashMap<Fingerprint, IdpSession>,
    consents: BTreeSet<(String, String, String)>,
    assertions: HashMap<Fingerprint, Duration>,
}

impl Ledger {
    pub(crate) fn open_grant(&mut self, grant: Grant, now: Duration) -> GrantId {
        self.tidy(now);
        self.next_grant += 1;
        let id = GrantId(self.next_grant);
        self.grants.insert(id, grant);
        id
    }

    /// The grant, unless it was revoked or forgotten.
    pub(crate) fn live_grant(&self, id: GrantId) -> Option<&Grant> {
        self.grants.get(&id).filter(|grant| !grant.revoked)
    }

    /// Revokes a grant with every token that came from it; says whether it was alive.
    pub(crate) fn revoke_grant(&mut self, id: GrantId) -> bool {
        match self.grants.get_mut(&id) {
            Some(grant) => !std::mem::replace(&mut grant.revoked, true),
            None => false,
        }
    }

    /// Revokes every grant and ends every session; says how many grants were alive.
    pub(crate) fn revoke_everything(&mut self) -> u64 {
        self.sessions.clear();
        let mut revoked = 0;
        for grant in self.grants.values_mut() {
            revoked += u64::from(!std::mem::replace(&mut grant.revoked, true));
        }
        revoked
    }

    /// Whether the user agreed that the client may have these scopes.
    pub(crate) fn has_consent(&self, subject: &str, client_id: &str, scopes: &Scopes) -> bool {
        scopes.iter().all(|scope| {
            let consent = (subject.to_owned(), client_id.to_owned(), scope.to_owned());
            self.consents.contains(&consent)
        })
    }

    pub(crate) fn remember_consent(&mut self, subject: &str, client_id: &str, scopes: &Scopes) {
        for scope in scopes.iter() {
            self.consents
                .insert((subject.to_owned(), client_id.to_owned(), scope.to_owned()));
        }
    }

    /// Notes a client assertion; says whether it is there for the first time (RFC 7523 § 3).
    pub(crate) fn first_use_of_assertion(
        &mut self,
        assertion: Fingerprint,
        expires_at: Duration,
        now: Duration,
    ) -> bool {
        self.tidy(now);
        self.assertions.insert(assertion, expires_at).is_none()
    }

    /// Forgets what has expired.
    fn tidy(&mut self, now: Duration) {
        if now < self.tidied_at + TIDYING_INTERVAL {
            return;
        }
        self.tidied_at = now;
        self.grants.retain(|_, grant| grant.ends_at > now);
        self.codes
            .retain(|_, code| self.grants.contains_key(&code.grant));
        self.refresh_tokens
            .retain(|_, token| token.expires_at > now);
        self.access_tokens.retain(|_, token| token.expires_at > now);
        self.sessions.retain(|_, session| session.expires_at > now);
        self.assertions.retain(|_, expires_at| *expires_at > now);
    }
}
