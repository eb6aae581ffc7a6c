//! Opening the session store: one handle for each proxy service, so that each has a connection of
//! its own, made in the runtime that uses it.

use std::sync::Arc;

use tokenbridge_bridge::Secret;
use tokenbridge_config::Configuration;
use tokenbridge_config::store::StoreSettings;
use tokenbridge_session_store::{
    Keyring, MemoryLimits, MemoryStore, RedisOptions, RedisStore, RedisUrlError, SessionStore,
    SharedRates,
};

use crate::start::Ground;
use crate::telemetry::StoreCounts;

/// Opens handles of the configured store.
pub(crate) enum Stores {
    /// One store, shared.
    Memory(Arc<MemoryStore>),
    /// A connection for each handle.
    Redis(Box<RedisStore>),
}

/// A handle.
pub(crate) struct Opened {
    pub(crate) store: Arc<dyn SessionStore>,
    /// Token buckets that replicas share, where the store can be shared.
    pub(crate) rates: Option<SharedRates>,
}

impl Stores {
    /// Prepares the configured store; does no I/O.
    ///
    /// # Errors
    /// The store's address cannot be used.
    pub(crate) fn new(configuration: &Configuration, ground: &Ground) -> Result<Self, String> {
        let served = &configuration.frontend;
        let clock = ground.clock.clone();
        match &configuration.store {
            StoreSettings::Memory { max_sessions } => {
                let limits = MemoryLimits {
                    sessions: *max_sessions,
                    idle_timeout: served.session.idle,
                    ..MemoryLimits::default()
                };
                Ok(Self::Memory(Arc::new(MemoryStore::new(limits, clock))))
            }
            StoreSettings::Redis { url } => {
                let options = RedisOptions::new(url.clone(), served.name);
                let store =
                    RedisStore::open(&options, ground.keyring.clone(), clock).map_err(unusable)?;
                let counts = Arc::new(StoreCounts(ground.metrics.clone()));
                Ok(Self::Redis(Box::new(store.counted_by(counts))))
            }
        }
    }

    /// One more handle.
    ///
    /// # Errors
    /// The store's address cannot be used.
    pub(crate) fn open(&self) -> Result<Opened, String> {
        match self {
            Self::Memory(store) => Ok(Opened {
                store: store.clone(),
                rates: None,
            }),
            Self::Redis(store) => {
                let store = store.sibling().map_err(unusable)?;
                Ok(Opened {
                    rates: Some(store.rates()),
                    store: Arc::new(store),
                })
            }
        }
    }
}

fn unusable(error: RedisUrlError) -> String {
    format!("session.redis_url: {error}")
}

/// The configured keys, or one made for this start where there are none (memory store only).
///
/// # Errors
/// A key that cannot be used, or no randomness.
pub(crate) fn keyring(entries: &[Secret]) -> Result<Keyring, String> {
    match entries {
        [] => Keyring::random().map_err(|error| error.to_string()),
        entries => Keyring::parse(entries).map_err(|error| error.to_string()),
    }
}
