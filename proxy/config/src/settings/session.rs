//! `session`: where sessions live, what encrypts them, what their cookie is called.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokenbridge_bridge::Secret;

use crate::reading::place::{At, Complaint, Read};
use crate::reading::section::{Item, Section};
use crate::reading::{redis_url, scalar, tree};
use crate::store::StoreSettings;

const MAKE_A_KEY: &str = "write k1:KEY, where KEY comes from `openssl rand -base64 32`";
const MOST_SESSIONS: usize = 100_000;
const CACHE_SIZE: u64 = 64 << 20;

/// What `session` says.
pub(crate) struct SessionSettings {
    pub(crate) store: StoreSettings,
    pub(crate) encryption_keys: Vec<Secret>,
    /// Without a prefix.
    pub(crate) cookie_name: String,
    /// In bytes.
    pub(crate) cache_size: u64,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Store {
    Memory,
    Redis,
}

/// Reads `session`; all of it has a default.
pub(crate) fn read(root: &Section<'_>) -> SessionSettings {
    let Some(session) = root.section("session") else {
        return SessionSettings {
            store: StoreSettings::Memory {
                max_sessions: MOST_SESSIONS,
            },
            encryption_keys: Vec::new(),
            cookie_name: "bff_session".into(),
            cache_size: CACHE_SIZE,
        };
    };
    let store = session.value_or(
        "store",
        scalar::choice(&[("memory", Store::Memory), ("redis", Store::Redis)]),
        Store::Memory,
    );
    let max_sessions = session.value_or("max_sessions", scalar::count, MOST_SESSIONS);
    let redis_url = session
        .get("redis_url")
        .and_then(|item| item.secret(redis_url::redis_url));
    SessionSettings {
        store: match store {
            Store::Memory => StoreSettings::Memory { max_sessions },
            Store::Redis => StoreSettings::Redis {
                url: redis_url.unwrap_or_else(|| Secret::new("redis://127.0.0.1:6379")),
            },
        },
        encryption_keys: read_keys(&session, store),
        cookie_name: session.value_or("cookie_name", scalar::cookie_name, "bff_session".into()),
        cache_size: session.value_or("cache_size", scalar::size, CACHE_SIZE),
    }
}

/// The memory store needs no key, so a key file that only `redis` needs may still be missing.
fn read_keys(session: &Section<'_>, store: Store) -> Vec<Secret> {
    let item = session.get("encryption_keys");
    let missing = At {
        key: tree::join(&session.at.key, "encryption_keys"),
        ..session.at.clone()
    };
    let at = item.as_ref().map_or(missing, |item| item.at.clone());
    let items = item.map(Item::one_or_list).unwrap_or_default();
    let mut keys = Vec::new();
    let mut ids: Vec<String> = Vec::new();
    let mut wrong = false;
    for item in items {
        if store == Store::Memory && item.file_is_missing() {
            continue;
        }
        match item.secret(encryption_key) {
            Some(Some((id, _))) if ids.contains(&id) => {
                item.at.error(
                    format!("the key id `{id}` stands twice"),
                    "give each key an id of its own",
                );
            }
            Some(Some((id, key))) => {
                ids.push(id);
                keys.push(key);
            }
            Some(None) => {}
            None => wrong = true,
        }
    }
    if store == Store::Redis && keys.is_empty() && !wrong {
        at.error("the Redis store needs a key", MAKE_A_KEY);
    }
    keys
}

/// `id:BASE64_OF_32_BYTES`. Nothing at all is no key, so that `${KEY:-}` may mean none.
fn encryption_key(value: Secret) -> Read<Option<(String, Secret)>> {
    if value.expose().trim().is_empty() {
        return Ok(None);
    }
    let complaint = |problem: &str| Complaint::new(problem, MAKE_A_KEY);
    let (id, key) = value
        .expose()
        .split_once(':')
        .ok_or_else(|| complaint("has no key id"))?;
    let id = scalar::name(id).map_err(|_| complaint("has no key id of letters and digits"))?;
    match STANDARD.decode(key.trim()) {
        Ok(bytes) if bytes.len() == 32 => Ok(Some((id, value))),
        Ok(_) | Err(_) => Err(complaint("is not 32 bytes in base64")),
    }
}
