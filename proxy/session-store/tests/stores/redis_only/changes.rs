//! The revocation channel over a real Redis that goes away, hangs, or forbids it.

use std::time::Duration;

use tokenbridge_bridge::Secret;
use tokenbridge_session_store::{
    Change, Changes, Clock, Notice, RedisStore, SessionStore, SystemClock,
};

use crate::bench::{keyring, open};
use crate::samples::{key, session};
use crate::server::RedisServer;

/// Far more than anything here takes.
const BOUND: Duration = Duration::from_secs(20);

async fn until(changes: &mut Changes, wanted: &Notice) {
    let heard = async { while changes.next().await != *wanted {} };
    tokio::time::timeout(BOUND, heard)
        .await
        .unwrap_or_else(|_| panic!("never: {wanted:?}"));
}

async fn listening(store: &RedisStore) -> Changes {
    let mut changes = store.changes();
    if !changes.are_live() {
        until(&mut changes, &Notice::Restored).await;
    }
    changes
}

async fn create(store: &RedisStore, number: u8) {
    let new = session(number, SystemClock::default().now());
    store.create(&new).await.unwrap();
}

fn ended(number: u8) -> Notice {
    Notice::Changed(key(number), Change::Ended)
}

#[tokio::test]
async fn what_one_replica_ends_every_other_one_hears() {
    let server = RedisServer::start().await;
    let (here, there) = (
        open(&server.url(), keyring("k1", 1)),
        open(&server.url(), keyring("k1", 1)),
    );
    let (mut changes, mut siblings) = (
        listening(&there).await,
        listening(&there.sibling().unwrap()).await,
    );
    create(&here, 1).await;
    here.end(&key(1), None).await.unwrap();
    until(&mut changes, &ended(1)).await;
    until(&mut siblings, &ended(1)).await;
}

#[tokio::test]
async fn a_channel_that_breaks_says_so_and_heals() {
    let mut server = RedisServer::start().await;
    let store = open(&server.url(), keyring("k1", 1));
    let mut changes = listening(&store).await;
    server.kill();
    until(&mut changes, &Notice::Lost).await;
    assert!(!changes.are_live());
    let mut late = store.changes();
    assert_eq!(late.next().await, Notice::Lost);
    server.start_again().await;
    until(&mut changes, &Notice::Restored).await;
    until(&mut late, &Notice::Restored).await;
    create(&store, 1).await;
    store.end(&key(1), None).await.unwrap();
    until(&mut changes, &ended(1)).await;
}

#[tokio::test]
async fn a_server_that_hangs_is_noticed_although_the_connection_stands() {
    let server = RedisServer::start().await;
    let store = open(&server.url(), keyring("k1", 1));
    let mut changes = listening(&store).await;
    server.signal("STOP");
    until(&mut changes, &Notice::Lost).await;
    server.signal("CONT");
    until(&mut changes, &Notice::Restored).await;
}

#[tokio::test]
async fn a_user_that_may_not_publish_can_still_end_sessions() {
    let server = RedisServer::start().await;
    let mut user = redis::cmd("ACL");
    user.arg("SETUSER").arg("gateway").arg("on").arg(">secret");
    user.arg("~*").arg("resetchannels").arg("+@all");
    let _: String = server.ask(&user).await;
    let url = Secret::new(format!("redis://gateway:secret@127.0.0.1:{}", server.port));
    let store = open(&url, keyring("k1", 1));
    let changes = store.changes();
    create(&store, 1).await;
    assert!(store.end(&key(1), None).await.unwrap().is_some());
    assert!(!changes.are_live(), "it cannot listen either, and knows it");
}

#[tokio::test]
async fn what_another_version_says_counts_as_something_lost() {
    let server = RedisServer::start().await;
    let store = open(&server.url(), keyring("k1", 1));
    let mut changes = listening(&store).await;
    let publish = redis::cmd("PUBLISH")
        .arg("tb:main:changes")
        .arg("moved:somewhere")
        .clone();
    let _: u64 = server.ask(&publish).await;
    until(&mut changes, &Notice::Lost).await;
    until(&mut changes, &Notice::Restored).await;
}

#[test]
fn the_subscription_begins_anew_when_its_runtime_was_stopped() {
    let runtime = || tokio::runtime::Runtime::new().unwrap();
    let (first, second) = (runtime(), runtime());
    let server = second.block_on(RedisServer::start());
    let store = open(&server.url(), keyring("k1", 1));
    let mut changes = first.block_on(listening(&store));
    first.shutdown_timeout(BOUND);
    second.block_on(async {
        // It may be heard again before anybody waits for it.
        let again = listening(&store).await;
        until(&mut changes, &Notice::Restored).await;
        assert!(again.are_live());
    });
}
