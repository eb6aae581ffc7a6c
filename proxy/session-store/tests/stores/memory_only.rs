//! What the memory store promises beyond the conformance suite: its bounds.

use std::sync::Arc;
use std::time::Duration;

use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::grant::{Generation, GrantName, Written};
use tokenbridge_bridge::token::{MintRefusal, MintRefusalReason, TokenSlot};
use tokenbridge_session_store::{
    Clock, ManualClock, MemoryLimits, MemoryStore, SessionStore, StoreError,
};

use crate::bench::{IDLE, service};
use crate::samples::{HOUR, found, grant, is_absent, key, session, session_of, subject};

const MINUTE: Duration = Duration::from_secs(60);

fn store(limits: MemoryLimits) -> (MemoryStore, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(UnixTime::from_seconds(1_000_000)));
    (
        MemoryStore::new(limits, Arc::clone(&clock) as Arc<dyn Clock>),
        clock,
    )
}

fn limits() -> MemoryLimits {
    MemoryLimits {
        sessions: 3,
        idle_timeout: IDLE,
        ..MemoryLimits::default()
    }
}

async fn fill(store: &MemoryStore, clock: &ManualClock) {
    for number in 1..=3 {
        store
            .create(&session_of("alice", number, clock.now(), HOUR * 12))
            .await
            .unwrap();
    }
}

#[tokio::test]
async fn a_full_store_refuses_a_login_and_evicts_nobody() {
    let (store, clock) = store(limits());
    fill(&store, &clock).await;
    assert_eq!(
        store.create(&session(4, clock.now())).await,
        Err(StoreError::Full)
    );
    for number in 1..=3 {
        found(&store, number, "crud").await;
    }
    store.end(&key(2), Some(MINUTE)).await.unwrap();
    store.create(&session(4, clock.now())).await.unwrap();
}

#[tokio::test]
async fn sessions_that_are_over_make_room() {
    let (store, clock) = store(limits());
    store
        .create(&session_of("alice", 1, clock.now(), MINUTE))
        .await
        .unwrap();
    store
        .create(&session_of("alice", 2, clock.now(), MINUTE))
        .await
        .unwrap();
    store
        .create(&session_of("alice", 3, clock.now(), HOUR))
        .await
        .unwrap();
    clock.advance(MINUTE);
    for number in 4..=5 {
        store
            .create(&session_of("alice", number, clock.now(), HOUR))
            .await
            .unwrap();
    }
    assert_eq!(
        store.create(&session(6, clock.now())).await,
        Err(StoreError::Full)
    );
    found(&store, 3, "crud").await;
    assert_eq!(store.sessions_of(&subject("alice")).await.unwrap().len(), 3);
}

#[tokio::test]
async fn sessions_that_nobody_uses_make_room_when_there_is_no_other() {
    let (store, clock) = store(limits());
    fill(&store, &clock).await;
    clock.advance(IDLE.0 - MINUTE);
    assert!(store.touch(&key(2), clock.now()).await.unwrap());
    clock.advance(MINUTE * 2);
    store.create(&session(4, clock.now())).await.unwrap();
    assert!(is_absent(&store, 1).await && is_absent(&store, 3).await);
    found(&store, 2, "crud").await;
}

#[tokio::test]
async fn unused_sessions_stay_while_there_is_room() {
    let (store, clock) = store(MemoryLimits {
        sessions: 4,
        ..limits()
    });
    fill(&store, &clock).await;
    clock.advance(IDLE.0 * 2);
    store.create(&session(4, clock.now())).await.unwrap();
    found(&store, 1, "crud").await;
}

#[tokio::test]
async fn bytes_bound_new_sessions_and_not_what_a_living_one_must_store() {
    let (store, clock) = store(MemoryLimits {
        sessions: 1_000,
        bytes: 10_000,
        ..limits()
    });
    store.create(&session(1, clock.now())).await.unwrap();
    let detail = "x".repeat(20_000);
    let at = clock.now();
    let long = TokenSlot::Refused(MintRefusal {
        reason: MintRefusalReason::BadResponse,
        detail,
        at,
    });
    let put = store
        .put_slot(&key(1), &service("crud"), &long, None)
        .await
        .unwrap();
    assert_eq!(put, Written::Stored);
    let next = grant("rotated", Generation::FIRST);
    let completed = store
        .complete(&key(1), &GrantName::Login, Generation::FIRST, &next)
        .await;
    assert_eq!(completed.unwrap(), Written::Stored);
    assert_eq!(
        store.create(&session(2, clock.now())).await,
        Err(StoreError::Full)
    );
    store.end(&key(1), None).await.unwrap();
    store.create(&session(2, clock.now())).await.unwrap();
}

#[tokio::test]
async fn many_small_sessions_meet_the_bound_in_bytes() {
    let (store, clock) = store(MemoryLimits {
        sessions: 1_000,
        bytes: 100_000,
        ..limits()
    });
    let mut stored = 0;
    for number in 0..=255 {
        match store.create(&session(number, clock.now())).await {
            Ok(()) => stored += 1,
            Err(error) => assert_eq!(error, StoreError::Full),
        }
    }
    assert!((10..100).contains(&stored), "{stored} sessions in 100 kB");
}

#[tokio::test]
async fn marks_are_bounded_and_their_end_makes_room() {
    let (store, clock) = store(MemoryLimits {
        claims: 2,
        ..limits()
    });
    assert!(store.claim_once(&[1; 32], MINUTE).await.unwrap());
    assert!(store.claim_once(&[2; 32], MINUTE).await.unwrap());
    assert_eq!(
        store.claim_once(&[3; 32], MINUTE).await,
        Err(StoreError::Full)
    );
    assert!(!store.claim_once(&[1; 32], MINUTE).await.unwrap());
    clock.advance(MINUTE);
    assert!(store.claim_once(&[3; 32], MINUTE).await.unwrap());
}

#[tokio::test]
async fn tombstones_do_not_pile_up() {
    let (store, clock) = store(MemoryLimits {
        sessions: 1,
        ..limits()
    });
    for number in 1..=200 {
        store.create(&session(number, clock.now())).await.unwrap();
        assert!(
            store
                .end(&key(number), Some(MINUTE))
                .await
                .unwrap()
                .is_some()
        );
        clock.advance(MINUTE);
    }
    assert!(is_absent(&store, 200).await);
    assert_eq!(store.active_sessions().await.unwrap(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn parallel_use_loses_nothing() {
    let (store, clock) = store(MemoryLimits {
        sessions: 1_000,
        ..limits()
    });
    let store = Arc::new(store);
    let now = clock.now();
    let tasks: Vec<_> = (0..200)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                store.create(&session(number, now)).await.unwrap();
                found(&*store, number, "crud").await;
                if number % 2 == 0 {
                    store.end(&key(number), None).await.unwrap();
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(store.active_sessions().await.unwrap(), 100);
    assert_eq!(
        store.sessions_of(&subject("alice")).await.unwrap().len(),
        100
    );
}
