//! Access tokens, kept for introspection, user information and exchange.

use std::time::Duration;

use serde_json::{Map, Value};

use super::{GrantId, Ledger};
use crate::provider::issue::{AccessTokenOrder, IssuedAccessToken};
use crate::random::Fingerprint;

/// What is remembered of an access token.
#[derive(Clone, Debug)]
pub(crate) struct AccessToken {
    /// The grant that it came from; none for a client's own token.
    pub(crate) grant: Option<GrantId>,
    pub(crate) client_id: String,
    pub(crate) claims: Map<String, Value>,
    pub(crate) expires_at: Duration,
    pub(crate) revoked: bool,
    /// The token itself, where it is to be answered again.
    pub(crate) repeated: Option<String>,
}

impl AccessToken {
    /// A claim that is a string.
    pub(crate) fn text(&self, claim: &str) -> Option<&str> {
        self.claims.get(claim).and_then(Value::as_str)
    }
}

impl Ledger {
    pub(crate) fn keep_access_token(&mut self, token: &str, entry: AccessToken, now: Duration) {
        self.tidy(now);
        if let Some(grant) = entry.grant.and_then(|id| self.grants.get_mut(&id)) {
            grant.ends_at = grant.ends_at.max(entry.expires_at);
        }
        self.access_tokens.insert(Fingerprint::of(token), entry);
    }

    /// An access token that is neither expired nor revoked, alone or with its grant.
    pub(crate) fn live_access_token(&self, token: &str, now: Duration) -> Option<&AccessToken> {
        self.access_tokens
            .get(&Fingerprint::of(token))
            .filter(|entry| entry.expires_at > now && !entry.revoked)
            .filter(|entry| entry.grant.is_none_or(|id| self.live_grant(id).is_some()))
    }

    /// A live token of the same grant, or of the same client where there is none, that is to be
    /// answered again.
    pub(crate) fn repeated_access_token(
        &self,
        order: &AccessTokenOrder<'_>,
        now: Duration,
    ) -> Option<IssuedAccessToken> {
        let mut live = self.access_tokens.values().filter(|entry| {
            entry.expires_at > now
                && !entry.revoked
                && entry.grant == order.grant
                && entry.client_id == order.client_id
        });
        live.find_map(|entry| {
            Some(IssuedAccessToken {
                value: entry.repeated.clone()?,
                expires_in: (entry.expires_at - now).as_secs(),
            })
        })
    }

    /// Revokes one access token of the client; says whether there was one.
    pub(crate) fn revoke_access_token(&mut self, token: &str, client_id: &str) -> bool {
        self.access_tokens
            .get_mut(&Fingerprint::of(token))
            .filter(|entry| entry.client_id == client_id)
            .is_some_and(|entry| !std::mem::replace(&mut entry.revoked, true))
    }
}
