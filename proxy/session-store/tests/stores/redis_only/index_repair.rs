use std::time::Duration;

use tokenbridge_session_store::{Clock, SessionStore, StoreError, SystemClock};

use crate::bench::{keyring, open};
use crate::samples::{HOUR, ISSUER, key, session_of, subject};
use crate::server::RedisServer;

async fn entries(server: &RedisServer, kind: &str) -> i64 {
    let prefix = format!("tb:main:{kind}:");
    let keys = server.keys().await;
    let mut count = 0;
    for name in keys.iter().filter(|name| name.starts_with(&prefix)) {
        count += server.ask::<i64>(redis::cmd("ZCARD").arg(name)).await;
    }
    count
}

/// Removes sessions behind the store's back, as a failover may.
async fn lose_sessions(server: &RedisServer) {
    for name in server
        .keys()
        .await
        .iter()
        .filter(|name| name.contains(":session:{"))
    {
        let _: i64 = server.ask(redis::cmd("DEL").arg(name)).await;
    }
}

#[tokio::test]
async fn an_index_entry_without_its_session_is_dropped_when_it_is_read() {
    let server = RedisServer::start().await;
    let store = open(&server.url(), keyring("k1", 1));
    let an_hour_ago = SystemClock::default().now().minus(HOUR);
    store
        .create(&session_of("alice", 1, an_hour_ago, HOUR * 12))
        .await
        .unwrap();
    lose_sessions(&server).await;
    assert_eq!(
        (
            entries(&server, "subject").await,
            entries(&server, "idp-session").await
        ),
        (1, 1)
    );
    store
        .create(&session_of("alice", 2, an_hour_ago, HOUR * 12))
        .await
        .unwrap();
    let left = [key(2)];
    assert_eq!(store.sessions_of(&subject("alice")).await.unwrap(), left);
    let by_sid = store.sessions_of_idp_session(ISSUER, "sid-of-alice").await;
    assert_eq!(by_sid.unwrap(), left);
    assert_eq!(
        (
            entries(&server, "subject").await,
            entries(&server, "idp-session").await
        ),
        (1, 1)
    );
}

#[tokio::test]
async fn an_entry_whose_session_may_be_on_its_way_is_left_alone() {
    let server = RedisServer::start().await;
    let store = open(&server.url(), keyring("k1", 1));
    let new = session_of("alice", 1, SystemClock::default().now(), HOUR);
    store.create(&new).await.unwrap();
    lose_sessions(&server).await;
    assert!(
        store
            .sessions_of(&subject("alice"))
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(entries(&server, "subject").await, 1);
    store.create(&new).await.unwrap();
    assert_eq!(
        store.sessions_of(&subject("alice")).await.unwrap(),
        [key(1)]
    );
}

#[tokio::test]
async fn a_due_note_without_its_session_is_dropped_when_it_falls_due() {
    let server = RedisServer::start().await;
    let store = open(&server.url(), keyring("k1", 1));
    let now = SystemClock::default().now();
    for number in 1..=40 {
        store
            .create(&session_of("alice", number, now, HOUR))
            .await
            .unwrap();
    }
    lose_sessions(&server).await;
    store
        .create(&session_of("bob", 50, now, HOUR * 2))
        .await
        .unwrap();
    store.schedule(&key(50), now.plus(HOUR)).await.unwrap();
    // The notes of those that are gone come first, and are more than are asked for.
    let due = store.due_before(now.plus(HOUR), 10).await.unwrap();
    assert_eq!(due, [key(50)]);
    assert!(entries(&server, "due").await < 41);
}

#[tokio::test]
async fn entries_of_sessions_long_over_go_when_the_next_one_is_written() {
    let server = RedisServer::start().await;
    let store = open(&server.url(), keyring("k1", 1));
    let now = SystemClock::default().now();
    let long_ago = now.minus(HOUR * 72);
    store
        .create(&session_of("alice", 1, long_ago, HOUR))
        .await
        .unwrap();
    lose_sessions(&server).await;
    store
        .create(&session_of("alice", 2, now, HOUR))
        .await
        .unwrap();
    assert_eq!(entries(&server, "subject").await, 1);
    assert_eq!(entries(&server, "idp-session").await, 1);
    let twice = Duration::from_secs(2 * 24 * 3_600);
    let members: Vec<String> = server
        .ask(
            redis::cmd("ZRANGEBYSCORE")
                .arg(subject_index(&server).await)
                .arg("-inf")
                .arg(now.minus(twice).seconds()),
        )
        .await;
    assert!(members.is_empty());
}

async fn subject_index(server: &RedisServer) -> String {
    server
        .keys()
        .await
        .into_iter()
        .find(|name| name.starts_with("tb:main:subject:"))
        .unwrap()
}

#[tokio::test]
async fn a_session_that_could_not_be_stored_leaves_no_index_entry() {
    let server = RedisServer::start().await;
    let store = open(&server.url(), keyring("k1", 1));
    let new = session_of("alice", 1, SystemClock::default().now(), HOUR);
    store.create(&new).await.unwrap();
    let name = server
        .keys()
        .await
        .into_iter()
        .find(|name| name.contains(":session:{"))
        .unwrap();
    store.end(&new.key, None).await.unwrap();
    // Another program's value stands where the session belongs.
    let _: String = server.ask(redis::cmd("SET").arg(&name).arg("x")).await;
    assert!(matches!(
        store.create(&new).await,
        Err(StoreError::Corrupt(_))
    ));
    for kind in ["subject", "idp-session", "due"] {
        assert_eq!(entries(&server, kind).await, 0, "{kind}");
    }
}
