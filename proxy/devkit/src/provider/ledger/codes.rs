//! Authorization codes: good for one use within a minute.

use std::time::Duration;

use super::{Grant, GrantId, Ledger};
use crate::random::Fingerprint;

/// What a code stands for.
#[derive(Clone, Debug)]
pub(crate) struct Code {
    pub(crate) grant: GrantId,
    pub(crate) redirect_uri: String,
    /// The S256 challenge (RFC 7636).
    pub(crate) challenge: String,
    pub(crate) expires_at: Duration,
    pub(crate) used: bool,
}

/// Why a code gives nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CodeRefusal {
    /// Never given out, or forgotten.
    Unknown,
    /// Given to another client.
    OtherClient,
    /// Too old.
    Expired,
    /// Used before; what it gave is revoked now (RFC 6749 § 4.1.2).
    Used {
        /// Whether the grant was alive until now.
        family_revoked: bool,
    },
}

impl Ledger {
    pub(crate) fn keep_code(&mut self, code: &str, entry: Code) {
        self.codes.insert(Fingerprint::of(code), entry);
    }

    /// Uses a code up.
    pub(crate) fn redeem_code(
        &mut self,
        code: &str,
        client_id: &str,
        now: Duration,
    ) -> Result<(Code, Grant), CodeRefusal> {
        let entry = self
            .codes
            .get_mut(&Fingerprint::of(code))
            .ok_or(CodeRefusal::Unknown)?;
        let grant = self.grants.get(&entry.grant).ok_or(CodeRefusal::Unknown)?;
        if grant.client_id != client_id {
            return Err(CodeRefusal::OtherClient);
        }
        if std::mem::replace(&mut entry.used, true) {
            let id = entry.grant;
            return Err(CodeRefusal::Used {
                family_revoked: self.revoke_grant(id),
            });
        }
        if entry.expires_at <= now {
            return Err(CodeRefusal::Expired);
        }
        Ok((entry.clone(), grant.clone()))
    }
}
