use std::time::Duration;

use tokenbridge_bridge::Secret;
use tokenbridge_session_store::{
    Clock, RedisStore, SessionStore, StoreError, StoreHealth, SystemClock,
};

use crate::bench::{keyring, open, service};
use crate::samples::{found, key, session};
use crate::server::{RedisServer, free_port};

/// Far more than any call may take, far less than for ever.
const BOUND: Duration = Duration::from_secs(10);

async fn is_unavailable(store: &RedisStore) -> bool {
    let read = tokio::time::timeout(BOUND, store.read(&key(1), &service("crud"))).await;
    matches!(
        read.expect("a call ends by itself"),
        Err(StoreError::Unavailable(_))
    )
}

async fn until_it_answers(store: &RedisStore) {
    let answered = async {
        while store.ping().await.is_err() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(BOUND, answered)
        .await
        .expect("the store comes back by itself");
}

fn is_down(store: &RedisStore) -> bool {
    matches!(store.health(), StoreHealth::Down(_))
}

fn is_up(store: &RedisStore) -> bool {
    matches!(store.health(), StoreHealth::Up(_))
}

#[tokio::test]
async fn a_store_that_is_not_there_is_an_error_of_its_own_and_heals() {
    let mut server = RedisServer::start().await;
    let store = open(&server.url(), keyring("k1", 1));
    assert_eq!(store.health(), StoreHealth::Unknown);
    store
        .create(&session(1, SystemClock::default().now()))
        .await
        .unwrap();
    assert!(is_up(&store));
    server.kill();
    assert!(is_unavailable(&store).await);
    assert!(is_down(&store));
    let new = session(2, SystemClock::default().now());
    assert!(matches!(
        store.create(&new).await,
        Err(StoreError::Unavailable(_))
    ));
    server.start_again().await;
    until_it_answers(&store).await;
    assert!(is_up(&store));
    store.create(&new).await.unwrap();
    found(&store, 2, "crud").await;
}

#[tokio::test]
async fn a_store_may_be_opened_before_redis_is_there() {
    let mut server = RedisServer::start().await;
    server.kill();
    let store = open(&server.url(), keyring("k1", 1));
    assert!(is_unavailable(&store).await);
    server.start_again().await;
    until_it_answers(&store).await;
    store
        .create(&session(1, SystemClock::default().now()))
        .await
        .unwrap();
}

#[tokio::test]
async fn a_connection_that_broke_while_idle_costs_nobody_an_error() {
    let server = RedisServer::start().await;
    let store = open(&server.url(), keyring("k1", 1));
    let new = session(1, SystemClock::default().now());
    store.create(&new).await.unwrap();
    for _ in 0..5 {
        let killed: i64 = server
            .ask(
                redis::cmd("CLIENT")
                    .arg("KILL")
                    .arg("TYPE")
                    .arg("normal")
                    .arg("SKIPME")
                    .arg("yes"),
            )
            .await;
        assert!(killed >= 1);
        assert_eq!(found(&store, 1, "crud").await.facts, new.facts);
    }
    assert!(is_up(&store));
}

#[tokio::test]
async fn a_redis_that_was_restarted_in_between_costs_nobody_an_error() {
    let mut server = RedisServer::start().await;
    let store = open(&server.url(), keyring("k1", 1));
    store.ping().await.unwrap();
    server.start_again().await;
    // Its scripts are gone as well, and loaded again.
    store
        .create(&session(1, SystemClock::default().now()))
        .await
        .unwrap();
    found(&store, 1, "crud").await;
}

#[tokio::test]
async fn a_redis_that_hangs_is_an_outage_and_heals() {
    let server = RedisServer::start().await;
    let store = open(&server.url(), keyring("k1", 1));
    store
        .create(&session(1, SystemClock::default().now()))
        .await
        .unwrap();
    server.signal("STOP");
    assert!(is_unavailable(&store).await);
    assert!(is_down(&store));
    server.signal("CONT");
    until_it_answers(&store).await;
    found(&store, 1, "crud").await;
}

#[tokio::test]
async fn requests_during_an_outage_fail_without_waiting_for_each_attempt_to_connect() {
    let server = RedisServer::start().await;
    let store = open(&server.url(), keyring("k1", 1));
    store.ping().await.unwrap();
    server.signal("STOP");
    assert!(is_unavailable(&store).await);
    let many = (0..2_000).map(|_| is_unavailable(&store));
    let outcomes = tokio::time::timeout(BOUND, async {
        let mut outcomes = Vec::new();
        for one in many {
            outcomes.push(one.await);
        }
        outcomes
    });
    // One after the other: were each to wait for a timeout, this would take 1000 s.
    assert!(
        outcomes
            .await
            .expect("they fail at once")
            .into_iter()
            .all(|unavailable| unavailable)
    );
    server.signal("CONT");
}

#[tokio::test]
async fn siblings_share_health_and_not_the_connection() {
    let server = RedisServer::start().await;
    let one = open(&server.url(), keyring("k1", 1));
    let other = one.sibling().unwrap();
    one.create(&session(1, SystemClock::default().now()))
        .await
        .unwrap();
    assert!(is_up(&other));
    found(&other, 1, "crud").await;
    let clients: String = server.ask(redis::cmd("CLIENT").arg("LIST")).await;
    assert_eq!(clients.lines().count(), 3, "two stores and this question");
}

#[test]
fn a_store_outlives_the_runtime_that_it_first_connected_in() {
    let first = runtime();
    let server = first.block_on(RedisServer::start());
    let store = open(&server.url(), keyring("k1", 1));
    first
        .block_on(store.create(&session(1, SystemClock::default().now())))
        .unwrap();
    drop(first);
    let second = runtime();
    second.block_on(found(&store, 1, "crud"));
}

#[test]
fn a_store_heals_although_the_runtime_that_tried_to_connect_is_gone() {
    let first = runtime();
    let mut server = first.block_on(RedisServer::start());
    server.kill();
    let store = open(&server.url(), keyring("k1", 1));
    assert!(first.block_on(is_unavailable(&store)));
    drop(first);
    let second = runtime();
    second.block_on(server.start_again());
    second.block_on(until_it_answers(&store));
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap()
}

#[tokio::test]
async fn a_wrong_password_is_an_outage_that_names_the_refusal_and_heals_by_itself() {
    let server = RedisServer::start_with(&["--requirepass", "right"]).await;
    let url =
        |password: &str| Secret::new(format!("redis://:{password}@127.0.0.1:{}", server.port));
    let store = open(&url("hunter2"), keyring("k1", 1));
    let Err(StoreError::Unavailable(reason)) = store.ping().await else {
        panic!("it answered")
    };
    assert!(
        !reason.contains("hunter2") && reason.contains("authentication"),
        "{reason}"
    );
    let right = open(&url("right"), keyring("k1", 1));
    right.ping().await.unwrap();
    let client = redis::Client::open(url("right").expose()).unwrap();
    let mut connection = client.get_multiplexed_async_connection().await.unwrap();
    let set: String = redis::cmd("CONFIG")
        .arg("SET")
        .arg("requirepass")
        .arg("hunter2")
        .query_async(&mut connection)
        .await
        .unwrap();
    assert_eq!(set, "OK");
    until_it_answers(&store).await;
}

#[tokio::test]
async fn a_port_where_nobody_listens_is_an_outage() {
    let store = open(
        &Secret::new(format!("redis://127.0.0.1:{}", free_port())),
        keyring("k1", 1),
    );
    assert!(is_unavailable(&store).await);
    assert!(is_down(&store));
}
