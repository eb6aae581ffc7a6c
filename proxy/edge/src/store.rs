//! Opening the session store: one handle for each proxy service, so that each has a connection of
//! its own, made in the runtime that uses it.

use std::sync::Arc;

use tokenbridge_bridge::Secret;
use tokenbridge_config::Configuration;
use tokenbridge_config::store::StoreSettings;
use tokenbridge_session_store::{
    Clock, Keyring, MemoryLimits, MemoryStore, RedisOptions, RedisStore, SessionStore,
};

/// Opens handles of the configured store.
pub(crate) enum Stores {
    /// One store, shared.
    Memory(Arc<MemoryStore>),
    /// A connection for each handle.
    Redis {
        /// Where it is.
        options: Box<RedisOptions>,
        /// Seals what it holds.
        keyring: Arc<Keyring>,
        /// The time.
        clock: Arc<dyn Clock>,
    },
}

impl Stores {
    /// Prepares the configured store; does no I/O.
    pub(crate) fn new(
        configuration: &Configuration,
        keyring: Arc<Keyring>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        match &configuration.store {
            StoreSettings::Memory { max_sessions } => {
                let idle_timeout = configuration.frontend.session.idle;
                let limits = MemoryLimits {
                    sessions: *max_sessions,
                    idle_timeout,
                    ..MemoryLimits::default()
                };
                Self::Memory(Arc::new(MemoryStore::new(limits, clock)))
            }
            StoreSettings::Redis { url } => {
                let served = &configuration.frontend;
                let options = RedisOptions::new(url.clone(), served.name, served.session.idle);
                Self::Redis {
                    options: Box::new(options),
                    keyring,
                    clock,
                }
            }
        }
    }

    /// One more handle.
    ///
    /// # Errors
    /// The store's address cannot be used.
    pub(crate) fn open(&self) -> Result<Arc<dyn SessionStore>, String> {
        match self {
            Self::Memory(store) => Ok(store.clone()),
            Self::Redis {
                options,
                keyring,
                clock,
            } => {
                let store = RedisStore::open(options, keyring.clone(), clock.clone());
                Ok(Arc::new(
                    store.map_err(|error| format!("session.redis_url: {error}"))?,
                ))
            }
        }
    }
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
