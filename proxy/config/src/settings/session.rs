//! `session`: where sessions live, what encrypts them, what their cookie is called.

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use tokenbridge_bridge::Secret;

use crate::reading::place::{At, Complaint, Read};
use crate::reading::section::{Item, Section};
use crate::reading::{file, redis_url, scalar, tree};
use crate::store::StoreSettings;

const MAKE_A_KEY: &str = "write k1:KEY, where KEY comes from `openssl rand -base64 32`";
const LONGEST_KEY_ID: usize = 32;
/// As the store reads keys: the standard alphabet, with or without padding.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);
const REDIS: &str = "redis://127.0.0.1:6379";
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
    let redis = read_redis(&session, store);
    SessionSettings {
        store: match store {
            Store::Memory => StoreSettings::Memory { max_sessions },
            Store::Redis => redis,
        },
        encryption_keys: read_keys(&session, store),
        cookie_name: session.value_or("cookie_name", scalar::cookie_name, "bff_session".into()),
        cache_size: session.value_or("cache_size", scalar::size, CACHE_SIZE),
    }
}

/// The memory store needs no authorities, so their file may still be missing.
fn read_redis(session: &Section<'_>, store: Store) -> StoreSettings {
    let url = session.get("redis_url");
    let is_set = url.is_some();
    let url = url.and_then(|item| item.secret(redis_url::redis_url));
    let is_wrong = is_set && url.is_none();
    let url = url.unwrap_or_else(|| Secret::new(REDIS));
    let authorities = session
        .get("redis_ca_file")
        .filter(|_| store == Store::Redis);
    if let Some(item) = &authorities
        && !is_wrong
        && !url.expose().starts_with("rediss")
    {
        item.at.error(
            "is of no use: the connection to redis_url is not encrypted",
            "write rediss in the place of redis in redis_url, or remove the key",
        );
    }
    StoreSettings::Redis {
        url,
        authorities: authorities.and_then(|item| file::authorities(&item)),
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
    let text = value.expose().trim();
    if text.is_empty() {
        return Ok(None);
    }
    let complaint = |problem: &str| Complaint::new(problem, MAKE_A_KEY);
    let (id, key) = text
        .split_once(':')
        .ok_or_else(|| complaint("has no key id"))?;
    if !is_key_id(id) {
        return Err(complaint(
            "has no key id of 1 to 32 letters, digits, - or _",
        ));
    }
    let id = id.to_owned();
    match BASE64.decode(key.trim()) {
        Ok(bytes) if bytes.len() != 32 => Err(complaint("is not 32 bytes in base64")),
        Ok(bytes) if bytes.iter().all(|byte| Some(byte) == bytes.first()) => {
            Err(complaint("is one byte repeated, which is no secret"))
        }
        Ok(_) => Ok(Some((id, value))),
        Err(_) => Err(complaint("is not 32 bytes in base64")),
    }
}

/// Ids stand in clear in logs and in the store, so they are short and plain.
fn is_key_id(id: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    !id.is_empty() && id.len() <= LONGEST_KEY_ID && id.bytes().all(plain)
}
