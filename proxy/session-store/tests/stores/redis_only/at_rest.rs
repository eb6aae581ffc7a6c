use std::time::Duration;

use tokenbridge_bridge::grant::{Generation, GrantName, Written};
use tokenbridge_bridge::session::Reading;
use tokenbridge_session_store::{RedisStore, SessionStore, StoreError, StoreHealth};

use crate::bench::{keyring, open, service};
use crate::samples::{found, grant, key, lease, service_grant, session, token};
use crate::server::RedisServer;
use tokenbridge_session_store::{Clock, SystemClock};

/// Does everything that writes.
async fn fill(store: &RedisStore) {
    let now = SystemClock::default().now();
    for number in 1..=3 {
        store.create(&session(number, now)).await.unwrap();
        let put = store
            .put_slot(&key(number), &service("crud"), &token("crud"), None)
            .await;
        assert_eq!(put.unwrap(), Written::Stored);
        store
            .put_grant(
                &key(number),
                &service_grant("crud"),
                &grant("crud", Generation::FIRST),
            )
            .await
            .unwrap();
        store
            .acquire(&lease(number, 1), Duration::from_secs(60))
            .await
            .unwrap();
        let marked = store
            .mark_sent(&lease(number, 1), Generation::FIRST, Duration::from_secs(9))
            .await;
        assert_eq!(marked.unwrap(), Written::Stored);
        store
            .touch(&key(number), now.plus(Duration::from_secs(60)))
            .await
            .unwrap();
        store
            .schedule(&key(number), now.plus(Duration::from_secs(60)))
            .await
            .unwrap();
    }
    let next = grant("second", Generation::FIRST);
    let completed = store
        .complete(&key(1), &GrantName::Login, Generation::FIRST, &next)
        .await;
    assert_eq!(completed.unwrap(), Written::Stored);
    store.unschedule(&key(2)).await.unwrap();
    store
        .end(&key(3), Some(Duration::from_secs(60)))
        .await
        .unwrap();
    store
        .claim_once(&[9; 32], Duration::from_secs(60))
        .await
        .unwrap();
}

#[tokio::test]
async fn no_value_in_redis_shows_what_it_holds() {
    let server = RedisServer::start().await;
    fill(&open(&server.url(), keyring("k1", 1))).await;
    let mut everything = Vec::new();
    for name in server.keys().await {
        everything.extend_from_slice(name.as_bytes());
        everything.extend(server.ask::<Vec<u8>>(redis::cmd("DUMP").arg(&name)).await);
    }
    // A dump may be compressed, so the values themselves are looked at as well.
    for name in server
        .keys()
        .await
        .iter()
        .filter(|name| name.contains(":session:"))
    {
        let fields: Vec<Vec<u8>> = server.ask(redis::cmd("HGETALL").arg(name)).await;
        everything.extend(fields.concat());
    }
    let seen = String::from_utf8_lossy(&everything);
    assert!(
        seen.contains("tb:main:session:{"),
        "the scan sees something"
    );
    for secret in [
        "token-",
        "alice",
        "Alice",
        "idp.example",
        "sid-of",
        "analytics.example",
        "application.all",
    ] {
        assert!(!seen.contains(secret), "{secret} stands in Redis in clear");
    }
}

#[tokio::test]
async fn every_key_has_a_time_to_live() {
    let server = RedisServer::start().await;
    fill(&open(&server.url(), keyring("k1", 1))).await;
    let kinds = ["session", "lease", "subject", "idp-session", "due", "once"];
    let keys = server.keys().await;
    for kind in kinds {
        let prefix = format!("tb:main:{kind}:");
        assert!(
            keys.iter().any(|name| name.starts_with(&prefix)),
            "there is a {kind} among {keys:?}"
        );
    }
    for name in &keys {
        let remaining: i64 = server.ask(redis::cmd("TTL").arg(name)).await;
        assert!(
            remaining > 0 && remaining <= 25 * 3_600,
            "{name} lives {remaining} s"
        );
    }
}

#[tokio::test]
async fn a_session_lives_as_long_as_its_facts_say_whatever_is_written() {
    let server = RedisServer::start().await;
    fill(&open(&server.url(), keyring("k1", 1))).await;
    for name in server
        .keys()
        .await
        .iter()
        .filter(|name| name.contains(":session:{AQEB"))
    {
        let remaining: i64 = server.ask(redis::cmd("TTL").arg(name)).await;
        assert!((3_500..=3_600).contains(&remaining), "{remaining}");
    }
}

async fn field(server: &RedisServer, name: &str, field: &str) -> Vec<u8> {
    server.ask(redis::cmd("HGET").arg(name).arg(field)).await
}

async fn set_field(server: &RedisServer, name: &str, field: &str, value: &[u8]) {
    let _: i64 = server
        .ask(redis::cmd("HSET").arg(name).arg(field).arg(value))
        .await;
}

#[tokio::test]
async fn a_value_moved_to_another_session_does_not_open() {
    let server = RedisServer::start().await;
    let store = open(&server.url(), keyring("k1", 1));
    let now = SystemClock::default().now();
    for number in 1..=2 {
        store.create(&session(number, now)).await.unwrap();
        let name = format!("of-{number}");
        let put = store
            .put_slot(&key(number), &service("crud"), &token(&name), None)
            .await;
        assert_eq!(put.unwrap(), Written::Stored);
    }
    let [one, other] = server.sessions().await.try_into().unwrap();
    set_field(
        &server,
        &other,
        "t:crud",
        &field(&server, &one, "t:crud").await,
    )
    .await;
    assert_eq!(
        found(&store, 2, "crud").await.slot,
        None,
        "it counts as empty and is minted anew"
    );

    set_field(
        &server,
        &other,
        "g:login",
        &field(&server, &one, "g:login").await,
    )
    .await;
    let moved = store.grant(&key(2), &GrantName::Login).await;
    assert_eq!(moved, Err(StoreError::Corrupt("a grant")));
    let taken = store.acquire(&lease(2, 1), Duration::from_secs(60)).await;
    assert_eq!(taken, Err(StoreError::Corrupt("a grant")));

    set_field(&server, &other, "f", &field(&server, &one, "f").await).await;
    assert!(matches!(
        store.read(&key(2), &service("crud")).await.unwrap(),
        Reading::Unreadable
    ));
    assert!(matches!(
        store.read(&key(1), &service("crud")).await.unwrap(),
        Reading::Found(_)
    ));
}

#[tokio::test]
async fn a_value_moved_to_another_field_does_not_open() {
    let server = RedisServer::start().await;
    let store = open(&server.url(), keyring("k1", 1));
    store
        .create(&session(1, SystemClock::default().now()))
        .await
        .unwrap();
    let put = store
        .put_slot(&key(1), &service("crud"), &token("crud"), None)
        .await
        .unwrap();
    assert_eq!(put, Written::Stored);
    let [name] = server.sessions().await.try_into().unwrap();
    set_field(
        &server,
        &name,
        "t:analytics",
        &field(&server, &name, "t:crud").await,
    )
    .await;
    assert_eq!(found(&store, 1, "analytics").await.slot, None);
    assert_eq!(found(&store, 1, "crud").await.slot, Some(token("crud")));
}

#[tokio::test]
async fn nonsense_in_redis_is_an_error_or_an_absence_and_never_a_panic() {
    let server = RedisServer::start().await;
    let store = open(&server.url(), keyring("k1", 1));
    let mut new = session(1, SystemClock::default().now());
    new.facts.idp_session = None;
    store.create(&new).await.unwrap();
    let [name] = server.sessions().await.try_into().unwrap();
    for nonsense in [
        &b""[..],
        b"\x01",
        b"\x01\xff",
        b"99:",
        b":",
        b"\xff\xfe\x00",
        &[1; 500],
    ] {
        for one in ["f", "l", "g:login", "s:login", "t:crud"] {
            let before = server
                .ask::<Option<Vec<u8>>>(redis::cmd("HGET").arg(&name).arg(one))
                .await;
            set_field(&server, &name, one, nonsense).await;
            let _ = store.read(&key(1), &service("crud")).await.unwrap();
            let _ = store.describe(&key(1)).await.unwrap();
            let _ = store.grant(&key(1), &GrantName::Login).await;
            let _ = store.acquire(&lease(1, 1), Duration::from_secs(1)).await;
            let _ = store
                .complete(
                    &key(1),
                    &GrantName::Login,
                    Generation::from_number(7),
                    &new.grant,
                )
                .await;
            match before {
                Some(value) => set_field(&server, &name, one, &value).await,
                None => {
                    let _: i64 = server.ask(redis::cmd("HDEL").arg(&name).arg(one)).await;
                }
            }
        }
    }
    assert_eq!(found(&store, 1, "crud").await.facts, new.facts);
}

#[tokio::test]
async fn a_session_key_of_another_type_is_an_error_and_no_outage() {
    let server = RedisServer::start().await;
    let store = open(&server.url(), keyring("k1", 1));
    let new = session(1, SystemClock::default().now());
    store.create(&new).await.unwrap();
    let [name] = server.sessions().await.try_into().unwrap();
    let _: () = server.ask(redis::cmd("SET").arg(&name).arg("text")).await;
    let read = store.read(&key(1), &service("crud")).await;
    assert!(matches!(read, Err(StoreError::Corrupt(_))), "{read:?}");
    assert!(matches!(store.health(), StoreHealth::Up(_)));
}
