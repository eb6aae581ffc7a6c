use tokenbridge_bridge::grant::{GrantName, Written};
use tokenbridge_bridge::session::Reading;
use tokenbridge_session_store::{
    Clock, Described, Keyring, Purpose, SessionStore, StoreError, SystemClock,
};

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

#[tokio::test]
async fn values_of_a_form_that_is_not_known_are_unreadable_although_their_key_is() {
    let server = RedisServer::start().await;
    let store = open(&server.url(), keyring("k1", 1));
    let new = session(1, SystemClock::default().now());
    store.create(&new).await.unwrap();
    let [name] = server.sessions().await.try_into().unwrap();
    let replace = async |field: &str, front: &[u8], form: &[u8]| {
        let place: [&[u8]; 2] = [new.key.as_bytes(), field.as_bytes()];
        let sealed = keyring("k1", 1).seal(Purpose::StoreField, &place, form);
        let value = [front, &sealed.unwrap()].concat();
        let set = redis::Cmd::hset(&name, field, value);
        let _: i64 = server.ask(&set).await;
    };
    let other_forms: [&[u8]; 4] = [b"", b"\x00", b"\x01{}", b"\xff\x00\x00\x00"];
    for form in other_forms {
        replace("t:crud", b"", form).await;
        assert_eq!(found(&store, 1, "crud").await.slot, None);
    }
    for form in other_forms {
        replace("g:login", b"1:", form).await;
        let grant = store.grant(&key(1), &GrantName::Login).await;
        assert_eq!(grant, Err(StoreError::Corrupt("a grant")));
    }
    for form in other_forms {
        replace("f", b"", form).await;
        let read = store.read(&key(1), &service("crud")).await.unwrap();
        assert!(matches!(read, Reading::Unreadable), "{read:?}");
        let described = store.describe(&key(1)).await.unwrap();
        assert!(matches!(described, Described::Unreadable), "{described:?}");
    }
}
