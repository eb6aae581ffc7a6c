use std::time::Duration;

use tokenbridge_bridge::grant::{Generation, GrantName, Written};
use tokenbridge_session_store::{
    Acquired, Clock, RedisStore, SessionStore, StoreError, StoreHealth, SystemClock,
};

use crate::bench::{keyring, open, service};
use crate::samples::{
    found, grant, is_replaced, key, lease, service_grant, session, subject, token,
};
use crate::server::RedisServer;

const LONG: Duration = Duration::from_secs(60);

/// A store with one session in it and no memory left.
async fn full() -> (RedisServer, RedisStore) {
    let server = RedisServer::start_with(&["--maxmemory-policy", "noeviction"]).await;
    let store = open(&server.url(), keyring("k1", 1));
    store
        .create(&session(1, SystemClock::default().now()))
        .await
        .unwrap();
    let _: String = server
        .ask(redis::cmd("CONFIG").arg("SET").arg("maxmemory").arg(1))
        .await;
    (server, store)
}

#[tokio::test]
async fn a_full_server_refuses_new_sessions_and_keeps_the_old_ones() {
    let (_server, store) = full().await;
    let refused = store
        .create(&session(2, SystemClock::default().now()))
        .await;
    assert_eq!(refused, Err(StoreError::Full));
    assert_eq!(
        store.claim_once(&[1; 32], LONG).await,
        Err(StoreError::Full)
    );
    assert_eq!(
        store.sessions_of(&subject("alice")).await.unwrap(),
        [key(1)]
    );
    assert_eq!(
        store.active_sessions().await.unwrap(),
        1,
        "no index entry is left behind"
    );
    found(&store, 1, "crud").await;
    assert!(
        matches!(store.health(), StoreHealth::Up(_)),
        "a full server is no outage"
    );
}

#[tokio::test]
async fn a_full_server_still_takes_what_a_living_session_has_to_store() {
    let (_server, store) = full().await;
    let now = SystemClock::default().now().plus(LONG);
    assert!(store.touch(&key(1), now).await.unwrap());
    assert_eq!(found(&store, 1, "crud").await.last_seen, now);
    assert!(matches!(
        store.acquire(&lease(1, 1), LONG).await.unwrap(),
        Acquired::Held { .. }
    ));
    let marked = store
        .mark_sent(&lease(1, 1), Generation::FIRST, LONG)
        .await
        .unwrap();
    assert_eq!(marked, Written::Stored);
    let next = grant("rotated", Generation::FIRST);
    let completed = store
        .complete(&key(1), &GrantName::Login, Generation::FIRST, &next)
        .await;
    assert_eq!(completed.unwrap(), Written::Stored);
    let put = store
        .put_slot(&key(1), &service("crud"), &token("crud"), None)
        .await
        .unwrap();
    assert_eq!(put, Written::Stored);
    let fresh = store
        .put_grant(&key(1), &service_grant("crud"), &next)
        .await
        .unwrap();
    assert_eq!(fresh, Some(Generation::FIRST));
    store.schedule(&key(1), now).await.unwrap();
    assert_eq!(store.due_before(now, 1).await.unwrap(), [key(1)]);
}

#[tokio::test]
async fn a_full_server_still_ends_sessions() {
    let (_server, store) = full().await;
    assert!(store.end(&key(1), Some(LONG)).await.unwrap().is_some());
    assert!(is_replaced(&store, 1).await);
    assert!(
        store
            .sessions_of(&subject("alice"))
            .await
            .unwrap()
            .is_empty()
    );
}
