//! A store under test, with the time that it goes by.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::session::IdleTimeout;
use tokenbridge_bridge::{Secret, service::ServiceName};
use tokenbridge_session_store::{
    Clock, Keyring, ManualClock, MemoryLimits, MemoryStore, RedisOptions, RedisStore, SessionStore,
    SystemClock,
};
use tokio::sync::Mutex;

use crate::server::RedisServer;

pub const IDLE: IdleTimeout = IdleTimeout(Duration::from_secs(1_800));
const STEP: Duration = Duration::from_millis(20);
const PATIENCE: u32 = 1_000;

pub struct Bench {
    pub store: Arc<dyn SessionStore>,
    clock: Arc<dyn Clock>,
    turned: Option<Arc<ManualClock>>,
    _server: Option<Arc<RedisServer>>,
}

impl Bench {
    pub async fn memory() -> Self {
        let clock = Arc::new(ManualClock::at(SystemClock::default().now()));
        let limits = MemoryLimits {
            idle_timeout: IDLE,
            ..MemoryLimits::default()
        };
        Self {
            store: Arc::new(MemoryStore::new(
                limits,
                Arc::clone(&clock) as Arc<dyn Clock>,
            )),
            clock: Arc::clone(&clock) as Arc<dyn Clock>,
            turned: Some(clock),
            _server: None,
        }
    }

    pub async fn redis() -> Self {
        let server = RedisServer::start().await;
        let store = open(&server.url(), keyring("k1", 1));
        Self::with_server(Arc::new(server), store)
    }

    /// A cluster takes seconds to come up, so tests that run at the same time share one, each
    /// under a frontend of its own.
    pub async fn cluster() -> Self {
        static SHARED: Mutex<Weak<RedisServer>> = Mutex::const_new(Weak::new());
        static FRONTENDS: AtomicUsize = AtomicUsize::new(0);
        let mut shared = SHARED.lock().await;
        let server = match shared.upgrade() {
            Some(server) => server,
            None => Arc::new(RedisServer::start_cluster().await),
        };
        *shared = Arc::downgrade(&server);
        let url = Secret::new(format!("redis+cluster://127.0.0.1:{}", server.port));
        let frontend = format!("frontend-{}", FRONTENDS.fetch_add(1, Ordering::Relaxed));
        let store = open_as(&frontend, &url, keyring("k1", 1));
        Self::with_server(server, store)
    }

    fn with_server(server: Arc<RedisServer>, store: RedisStore) -> Self {
        let clock = Arc::new(SystemClock::default());
        Self {
            store: Arc::new(store),
            clock,
            turned: None,
            _server: Some(server),
        }
    }

    pub fn now(&self) -> UnixTime {
        self.clock.now()
    }

    /// Lets time pass until `condition` holds; panics when it never does.
    pub async fn until<F: Future<Output = bool>>(&self, what: &str, condition: impl Fn() -> F) {
        for _ in 0..PATIENCE {
            if condition().await {
                return;
            }
            match &self.turned {
                Some(clock) => clock.advance(STEP),
                None => tokio::time::sleep(STEP).await,
            }
        }
        panic!("never: {what}");
    }
}

pub fn open(url: &Secret, keys: Keyring) -> RedisStore {
    open_as("main", url, keys)
}

fn open_as(frontend: &str, url: &Secret, keys: Keyring) -> RedisStore {
    let options = RedisOptions::new(url.clone(), frontend);
    RedisStore::open(&options, Arc::new(keys), Arc::new(SystemClock::default())).unwrap()
}

/// A key made from a seed.
pub fn key_entry(id: &str, seed: u8) -> Secret {
    use base64::Engine;
    let bytes: Vec<u8> = (0..32)
        .map(|step| seed.wrapping_mul(31).wrapping_add(step))
        .collect();
    Secret::new(format!(
        "{id}:{}",
        base64::engine::general_purpose::STANDARD.encode(bytes)
    ))
}

pub fn keyring(id: &str, seed: u8) -> Keyring {
    Keyring::parse(&[key_entry(id, seed)]).unwrap()
}

pub fn service(name: &str) -> ServiceName {
    ServiceName::new(name)
}
