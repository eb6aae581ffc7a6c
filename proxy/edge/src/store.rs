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
            StoreSettings::Redis { url, authorities } => {
                let mut options = RedisOptions::new(url.clone(), served.name);
                options.root_certificates = authorities.clone().map(String::into_bytes);
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

#[cfg(test)]
mod tests {
    use tokenbridge_session_store::SystemClock;

    use super::*;

    /// The configuration of the demo with other `session` settings, if `check` takes it.
    fn checked(session: &str) -> Option<Configuration> {
        let folder = tempfile::tempdir().unwrap();
        let demo = std::path::Path::new("../../conf");
        let settings = std::fs::read_to_string(demo.join("settings.yaml")).unwrap();
        let (others, _) = settings.split_once("\nsession:").unwrap();
        std::fs::copy(demo.join("routes.yaml"), folder.path().join("routes.yaml")).unwrap();
        let settings = format!("{others}\nsession: {session}\n");
        std::fs::write(folder.path().join("settings.yaml"), settings).unwrap();
        let set = |_: &str| Some("set".to_owned());
        let loaded = tokenbridge_config::load(folder.path(), &set).ok()?;
        Some(loaded.configuration)
    }

    #[test]
    fn check_takes_the_keys_that_the_start_takes() {
        const KEY: &str = "wM/qoJBfvklnUovwZKvydMVTnYEEV6krjot/9eycz3A";
        for (entry, usable) in [
            (format!("k1:{KEY}="), true),
            (format!(" k1: {KEY}= "), true),
            (format!("2026-11_a:{KEY}"), true),
            (format!("2026.11:{KEY}="), false),
            (format!("{}:{KEY}=", "k".repeat(32)), true),
            (format!("{}:{KEY}=", "k".repeat(33)), false),
            (format!("k1:{}=", "A".repeat(43)), false),
            (format!("k1:{KEY}=="), false),
            (format!("k1:{}", KEY.replace('/', "_")), false),
            (format!(":{KEY}="), false),
            (format!("{KEY}="), false),
        ] {
            let configuration = checked(&format!("{{encryption_keys: ['{entry}']}}"));
            let started = keyring(&[Secret::new(entry.clone())]);
            assert_eq!(configuration.is_some(), usable, "check: {entry}");
            assert_eq!(started.is_ok(), usable, "start: {entry}");
        }
    }

    #[test]
    fn what_check_takes_as_redis_url_the_start_takes() {
        let started = |url: &str| {
            let options = RedisOptions::new(Secret::new(url), "main");
            let keyring = Arc::new(keyring(&[]).unwrap());
            RedisStore::open(&options, keyring, Arc::new(SystemClock::default())).is_ok()
        };
        for (url, usable) in [
            ("redis://127.0.0.1:6379", true),
            ("rediss://:p%40ss@redis.example:6380/1", true),
            ("redis://[::1]?protocol=resp3", true),
            ("redis+unix:///run/redis.sock?db=1", true),
            ("redis+cluster://u:p@127.0.0.1:7000,[::1]:7001", true),
            ("rediss+sentinel://:p@a:26379,b/main/2", true),
            ("redis://a#insecure", false),
            ("rediss://a#insecure", false),
            ("rediss://a#other", false),
            ("rediss+cluster://a,b#insecure", false),
            ("rediss+cluster://:a#b@c", false),
            ("redis+cluster://0.0.0.0", false),
            ("rediss+sentinel://a/main#insecure", false),
            ("redis+sentinel://:%ff@a/main", false),
            ("redis://0.0.0.0", false),
            ("redis://:%ff@a", false),
            ("redis://a?protocol=4", false),
            ("redis://a/one", false),
            ("redis+unix:///run/redis.sock?db=one", false),
            ("redis+unix://host/run/redis.sock", false),
            ("unix:///run/redis.sock", false),
            ("valkey://a", false),
        ] {
            let checked = checked(&format!(
                "{{store: redis, redis_url: '{url}', encryption_keys: 'k1:wM/qoJBfvklnUovwZKvydMVTnYEEV6krjot/9eycz3A='}}"
            ));
            assert_eq!(checked.is_some(), usable, "check: {url}");
            assert_eq!(started(url), usable, "start: {url}");
        }
    }
}
