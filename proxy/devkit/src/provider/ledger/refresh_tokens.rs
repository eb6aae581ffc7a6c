//! Refresh tokens: each use replaces one by the next, and a second use is noticed.

use std::time::Duration;

use super::{Grant, GrantId, Ledger};
use crate::random::Fingerprint;

/// What is remembered of a refresh token.
#[derive(Clone, Debug)]
pub(crate) struct RefreshToken {
    pub(crate) grant: GrantId,
    pub(crate) expires_at: Duration,
    /// When it was used or taken away.
    pub(crate) spent_at: Option<Duration>,
    /// Those that it was replaced by: several when it was used again within the grace.
    pub(crate) successors: Vec<Fingerprint>,
    /// Revoked alone, the grant lives on.
    pub(crate) revoked: bool,
}

/// Why a refresh token gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefreshRefusal {
    /// Never given out, expired, revoked, or of another client.
    Dead,
    /// Used before, outside the grace: the family is revoked now (RFC 9700 § 4.14.2).
    Reused {
        /// Whether the grant was alive until now.
        family_revoked: bool,
    },
}

impl Ledger {
    pub(crate) fn keep_refresh_token(&mut self, token: &str, grant: GrantId, expires_at: Duration) {
        if let Some(grant) = self.grants.get_mut(&grant) {
            grant.ends_at = grant.ends_at.max(expires_at);
        }
        self.refresh_tokens.insert(
            Fingerprint::of(token),
            RefreshToken {
                grant,
                expires_at,
                spent_at: None,
                successors: Vec::new(),
                revoked: false,
            },
        );
    }

    /// The grant of a refresh token that may be used now, and whether this is a use within the
    /// grace.
    pub(crate) fn present_refresh_token(
        &mut self,
        token: &str,
        client_id: &str,
        (now, grace): (Duration, Duration),
    ) -> Result<(GrantId, Grant, bool), RefreshRefusal> {
        let entry = self
            .refresh_tokens
            .get(&Fingerprint::of(token))
            .filter(|entry| entry.expires_at > now && !entry.revoked)
            .ok_or(RefreshRefusal::Dead)?;
        let id = entry.grant;
        let grant = self
            .live_grant(id)
            .filter(|grant| grant.client_id == client_id)
            .ok_or(RefreshRefusal::Dead)?;
        match entry.spent_at {
            None => Ok((id, grant.clone(), false)),
            Some(spent_at) if now < spent_at + grace => Ok((id, grant.clone(), true)),
            Some(_) => Err(RefreshRefusal::Reused {
                family_revoked: self.revoke_grant(id),
            }),
        }
    }

    /// Marks a refresh token as used; the first use decides when the grace began.
    pub(crate) fn spend_refresh_token(&mut self, token: &str, now: Duration) {
        if let Some(entry) = self.refresh_tokens.get_mut(&Fingerprint::of(token)) {
            entry.spent_at.get_or_insert(now);
        }
    }

    /// Notes which token a refresh token was replaced by.
    pub(crate) fn link_successor(&mut self, token: &str, successor: &str) {
        if let Some(entry) = self.refresh_tokens.get_mut(&Fingerprint::of(token)) {
            entry.successors.push(Fingerprint::of(successor));
        }
    }

    /// Revokes everything that a refresh token was replaced by, however often.
    pub(crate) fn revoke_successors(&mut self, token: &str) {
        let mut pending = vec![Fingerprint::of(token)];
        while let Some(fingerprint) = pending.pop() {
            let successors = match self.refresh_tokens.get_mut(&fingerprint) {
                Some(entry) => std::mem::take(&mut entry.successors),
                None => continue,
            };
            for successor in &successors {
                if let Some(entry) = self.refresh_tokens.get_mut(successor) {
                    entry.revoked = true;
                }
            }
            pending.extend(successors);
        }
    }

    /// The grant of a refresh token that belongs to the client, dead or alive.
    pub(crate) fn grant_of_refresh_token(&self, token: &str, client_id: &str) -> Option<GrantId> {
        let id = self.refresh_tokens.get(&Fingerprint::of(token))?.grant;
        let grant = self.grants.get(&id)?;
        (grant.client_id == client_id).then_some(id)
    }

    /// A refresh token that would be taken now, with its grant.
    pub(crate) fn live_refresh_token(
        &self,
        token: &str,
        now: Duration,
    ) -> Option<(&RefreshToken, &Grant)> {
        let entry = self
            .refresh_tokens
            .get(&Fingerprint::of(token))
            .filter(|entry| entry.expires_at > now && !entry.revoked && entry.spent_at.is_none())?;
        Some((entry, self.live_grant(entry.grant)?))
    }
}
