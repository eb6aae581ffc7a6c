use tokenbridge_bridge::grant::{GrantName, Written};
use tokenbridge_bridge::session::Reading;
use tokenbridge_session_store::{Clock, Described, Keyring, SessionStore, SystemClock};

use crate::bench::{key_entry, keyring, open, service};
use crate::samples::{found, key, session, token};
use crate::server::RedisServer;

#[tokio::test]
async fn a_session_outlives_the_rotation_of_its_key() {
    let server = RedisServer::start().await;
    let new = session(1, SystemClock::default().now());
    open(&server.url(), keyring("k1", 1))
        .create(&new)
        .await
        .unwrap();

    let both = Keyring::parse(&[key_entry("k2", 2), key_entry("k1", 1)]).unwrap();
    let rotated = open(&server.url(), both);
    assert_eq!(found(&rotated, 1, "crud").await.facts, new.facts);
    let put = rotated
        .put_slot(&key(1), &service("crud"), &token("crud"), None)
        .await
        .unwrap();
    assert_eq!(put, Written::Stored);
    rotated
        .create(&session(2, new.facts.created_at))
        .await
        .unwrap();

    let new_key_alone = open(&server.url(), keyring("k2", 2));
    assert!(matches!(
        new_key_alone.read(&key(2), &service("crud")).await.unwrap(),
        Reading::Found(_)
    ));
}

#[tokio::test]
async fn a_session_whose_key_was_removed_is_unreadable_and_neither_over_nor_an_outage() {
    let server = RedisServer::start().await;
    let new = session(1, SystemClock::default().now());
    open(&server.url(), keyring("k1", 1))
        .create(&new)
        .await
        .unwrap();
    let without = open(&server.url(), keyring("k2", 2));
    assert!(matches!(
        without.read(&key(1), &service("crud")).await.unwrap(),
        Reading::Unreadable
    ));
    assert!(matches!(
        without.describe(&key(1)).await.unwrap(),
        Described::Unreadable
    ));

    let back = open(&server.url(), keyring("k1", 1));
    assert_eq!(
        found(&back, 1, "crud").await.facts,
        new.facts,
        "putting the key back heals it"
    );

    assert_eq!(without.end(&key(1), None).await.unwrap(), None);
    assert_eq!(
        back.grant(&key(1), &GrantName::Login).await.unwrap(),
        None,
        "it is gone all the same"
    );
    assert_eq!(back.active_sessions().await.unwrap(), 0);
}
