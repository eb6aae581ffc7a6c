//! What all endpoints of the provider share.

use std::sync::{Mutex, MutexGuard};
use std::time::Duration;

use url::Url;

use super::counters::Counters;
use super::fault::Faults;
use super::keys::KeyRing;
use super::ledger::Ledger;
use super::mode::{Mode, Modes};
use super::token_log::{TokenLog, TokenRequestRecord};
use crate::clock::Clock;
use crate::configuration::{Client, IdpConfiguration, Lifetime};
use crate::locked::locked;

const ACCESS_TOKEN_LIFETIME: Lifetime = Lifetime::from_seconds(300);
const REFRESH_TOKEN_LIFETIME: Lifetime = Lifetime::from_seconds(8 * 3_600);

/// The provider behind its endpoints.
pub(crate) struct Provider {
    pub(crate) issuer: String,
    /// The origin of the gateway, which redirects may go to besides loopback addresses.
    pub(crate) public_url: Option<Url>,
    pub(crate) configuration: IdpConfiguration,
    pub(crate) clock: Clock,
    pub(crate) keys: KeyRing,
    pub(crate) faults: Faults,
    modes: Mutex<Modes>,
    ledger: Mutex<Ledger>,
    counters: Mutex<Counters>,
    token_log: Mutex<TokenLog>,
}

/// What a provider is made of.
pub(crate) struct Parts {
    pub(crate) issuer: String,
    pub(crate) public_url: Option<Url>,
    pub(crate) configuration: IdpConfiguration,
    pub(crate) clock: Clock,
    pub(crate) keys: KeyRing,
    pub(crate) token_log_length: usize,
}

impl Provider {
    pub(crate) fn new(parts: Parts) -> Self {
        let faults = Faults::default();
        for rule in &parts.configuration.development.faults {
            faults.add(rule.clone());
        }
        let modes = parts
            .configuration
            .development
            .modes
            .iter()
            .copied()
            .collect();
        Self {
            issuer: parts.issuer,
            public_url: parts.public_url,
            configuration: parts.configuration,
            clock: parts.clock,
            keys: parts.keys,
            faults,
            modes: Mutex::new(modes),
            ledger: Mutex::default(),
            counters: Mutex::default(),
            token_log: Mutex::new(TokenLog::new(parts.token_log_length)),
        }
    }

    pub(crate) fn ledger(&self) -> MutexGuard<'_, Ledger> {
        locked(&self.ledger)
    }

    /// The counters, to be raised.
    pub(crate) fn count(&self) -> MutexGuard<'_, Counters> {
        locked(&self.counters)
    }

    pub(crate) fn log_token_request(&self, record: TokenRequestRecord) {
        locked(&self.token_log).push(record);
    }

    pub(crate) fn token_requests(&self) -> Vec<TokenRequestRecord> {
        locked(&self.token_log).list()
    }

    pub(crate) fn modes(&self) -> Modes {
        locked(&self.modes).clone()
    }

    pub(crate) fn set_modes(&self, wanted: Modes) {
        *locked(&self.modes) = wanted;
    }

    pub(crate) fn has(&self, mode: Mode) -> bool {
        locked(&self.modes).contains(&mode)
    }

    pub(crate) fn now(&self) -> Duration {
        self.clock.now()
    }

    /// The URL of one of the provider's own paths.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    /// The issuer that tokens made for a target carry in the mode `other-issuer`.
    pub(crate) fn other_issuer(&self) -> String {
        self.url("/other-issuer")
    }

    pub(crate) fn access_token_lifetime(&self, client: &Client) -> Duration {
        let configured = client.access_token_lifetime;
        configured
            .or(self.configuration.token.access_token_lifetime)
            .unwrap_or(ACCESS_TOKEN_LIFETIME)
            .duration()
    }

    pub(crate) fn refresh_token_lifetime(&self, client: &Client) -> Duration {
        let configured = client.refresh_token_lifetime;
        configured
            .or(self.configuration.token.refresh_token_lifetime)
            .unwrap_or(REFRESH_TOKEN_LIFETIME)
            .duration()
    }

    pub(crate) fn refresh_token_grace(&self) -> Duration {
        let configured = self.configuration.token.refresh_token_grace;
        configured.map_or(Duration::ZERO, Lifetime::duration)
    }
}
