//! What the provider saw, for tests to compare with what it should have seen.

use std::collections::BTreeMap;

use serde::Serialize;

use super::fault::Endpoint;
use super::grant_type::GrantType;

/// Numbers since the start. Each counts what was processed, whether or not the answer arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Counters {
    /// Requests by endpoint, those that met a fault included.
    pub requests: BTreeMap<Endpoint, u64>,
    /// Token requests by grant type, refused ones included.
    pub token_requests: BTreeMap<GrantType, u64>,
    /// Refused token requests by error code.
    pub token_errors: BTreeMap<String, u64>,
    /// Correct passwords.
    pub logins: u64,
    /// Authorization codes given out.
    pub authorizations: u64,
    /// Codes redeemed.
    pub codes_redeemed: u64,
    /// Codes presented a second time.
    pub codes_reused: u64,
    /// Refresh grants that gave tokens.
    pub refreshes: u64,
    /// Refresh tokens used again within the grace.
    pub replays_within_grace: u64,
    /// Refresh tokens used again outside the grace.
    pub reuse_detections: u64,
    /// Grants revoked with all their tokens, for whatever reason.
    pub families_revoked: u64,
    /// Revocation requests that met a token (RFC 7009).
    pub revocations: u64,
    /// Token exchanges that gave a token.
    pub exchanges: u64,
    /// Client credentials grants that gave a token.
    pub client_credentials: u64,
    /// Logouts at the end-session endpoint.
    pub logouts: u64,
}

impl Counters {
    /// Requests of one endpoint.
    pub fn requests_of(&self, endpoint: Endpoint) -> u64 {
        self.requests.get(&endpoint).copied().unwrap_or_default()
    }
}
