//! Token buckets that replicas share.

use std::time::Duration;

use tokenbridge_bridge::rate::Bucket;
use tokenbridge_session_store::{Clock, SessionStore, StoreError, SystemClock};

use crate::bench::{keyring, open};
use crate::samples::{key, session};
use crate::server::RedisServer;

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn replicas_draw_from_one_bucket_and_others_have_their_own() {
    let server = RedisServer::start().await;
    let replica = || open(&server.url(), keyring("k1", 1)).rates();
    let (one, other) = (replica(), replica());
    let bucket = Bucket::new(1, HOUR, 3);
    let mut remaining = Vec::new();
    for rates in [&one, &other, &one] {
        let level = rates.take("api", "alice", &bucket).await.unwrap();
        assert!(level.allowed);
        remaining.push(level.remaining);
    }
    assert_eq!(remaining, [2, 1, 0]);
    for rates in [&one, &other] {
        let level = rates.take("api", "alice", &bucket).await.unwrap();
        assert!(!level.allowed && level.wait <= HOUR && level.wait > HOUR - HOUR / 10);
    }
    for (limit, whose) in [("api", "bob"), ("login", "alice")] {
        assert!(one.take(limit, whose, &bucket).await.unwrap().allowed);
    }
}

#[tokio::test]
async fn of_many_requests_at_once_exactly_the_burst_gets_through() {
    let server = RedisServer::start().await;
    let rates = open(&server.url(), keyring("k1", 1)).rates();
    let bucket = Bucket::new(1, HOUR, 20);
    let takes = (0..100).map(|_| rates.take("api", "alice", &bucket));
    let levels = futures_util::future::join_all(takes).await;
    let allowed = levels
        .iter()
        .filter(|level| level.as_ref().unwrap().allowed);
    assert_eq!(allowed.count(), 20);
}

#[tokio::test]
async fn a_bucket_that_is_full_again_leaves_nothing_behind() {
    let server = RedisServer::start().await;
    let rates = open(&server.url(), keyring("k1", 1)).rates();
    let bucket = Bucket::new(100, Duration::from_secs(1), 5);
    for _ in 0..5 {
        assert!(rates.take("api", "alice", &bucket).await.unwrap().allowed);
    }
    for _ in 0..1_000 {
        if server.keys().await.is_empty() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("{:?} stay", server.keys().await);
}

#[tokio::test]
async fn a_session_that_is_made_up_gets_no_bucket() {
    let server = RedisServer::start().await;
    let store = open(&server.url(), keyring("k1", 1));
    let (rates, bucket) = (store.rates(), Bucket::new(1, HOUR, 2));
    for _ in 0..5 {
        let level = rates.take_of_session("api", &key(9), &bucket).await;
        assert!(level.unwrap().allowed);
    }
    assert_eq!(server.keys().await, Vec::<String>::new());
    let new = session(1, SystemClock::default().now());
    store.create(&new).await.unwrap();
    let mut allowed = Vec::new();
    for _ in 0..3 {
        let level = rates.take_of_session("api", &key(1), &bucket).await;
        allowed.push(level.unwrap().allowed);
    }
    assert_eq!(allowed, [true, true, false]);
}

#[tokio::test]
async fn a_store_that_is_away_says_so() {
    let mut server = RedisServer::start().await;
    let rates = open(&server.url(), keyring("k1", 1)).rates();
    server.kill();
    let outcome = rates.take("api", "alice", &Bucket::new(1, HOUR, 1)).await;
    assert!(matches!(outcome, Err(StoreError::Unavailable(_))));
}
