use std::time::Duration;

use tokenbridge_bridge::grant::{Generation, GrantName, Written};
use tokenbridge_session_store::{Change, Changes, Notice};

use crate::bench::{Bench, service};
use crate::samples::{key, session, token};

/// Far more than a notice takes.
const BOUND: Duration = Duration::from_secs(10);

pub async fn next(changes: &mut Changes) -> Notice {
    tokio::time::timeout(BOUND, changes.next())
        .await
        .expect("a notice comes")
}

/// The next change of a session; what is said of the connection before it is passed over.
pub async fn next_change(changes: &mut Changes) -> Notice {
    loop {
        let notice = next(changes).await;
        if matches!(notice, Notice::Changed(..)) {
            return notice;
        }
    }
}

/// A listener to whom nothing is lost any more.
pub async fn listening(bench: &Bench) -> Changes {
    let changes = bench.store.changes();
    bench
        .until("changes are noticed", async || changes.are_live())
        .await;
    changes
}

fn ended(number: u8) -> Notice {
    Notice::Changed(key(number), Change::Ended)
}

pub async fn the_end_of_a_session_is_told_once_to_every_listener(bench: Bench) {
    let (mut one, mut other) = (listening(&bench).await, listening(&bench).await);
    for number in [1, 2] {
        let new = session(number, bench.now());
        bench.store.create(&new).await.unwrap();
    }
    bench.store.end(&key(1), None).await.unwrap();
    bench.store.end(&key(1), None).await.unwrap();
    bench.store.end(&key(2), None).await.unwrap();
    for changes in [&mut one, &mut other] {
        assert_eq!(next_change(changes).await, ended(1));
        assert_eq!(next_change(changes).await, ended(2));
    }
}

pub async fn a_replaced_session_is_told_apart_from_one_that_ended(bench: Bench) {
    let mut changes = listening(&bench).await;
    let new = session(1, bench.now());
    bench.store.create(&new).await.unwrap();
    let minute = Some(Duration::from_secs(60));
    bench.store.end(&key(1), minute).await.unwrap();
    let expected = Notice::Changed(key(1), Change::Replaced);
    assert_eq!(next_change(&mut changes).await, expected);
}

pub async fn a_stored_slot_is_told_with_its_service(bench: Bench) {
    let mut changes = listening(&bench).await;
    let new = session(1, bench.now());
    bench.store.create(&new).await.unwrap();
    for name in ["analytics", "crud"] {
        let written = bench
            .store
            .put_slot(&key(1), &service(name), &token(name), None)
            .await;
        assert_eq!(written.unwrap(), Written::Stored);
        let expected = Notice::Changed(key(1), Change::Slot(service(name)));
        assert_eq!(next_change(&mut changes).await, expected);
    }
}

pub async fn what_was_not_written_is_not_told(bench: Bench) {
    let mut changes = listening(&bench).await;
    let new = session(1, bench.now());
    bench.store.create(&new).await.unwrap();
    let spent = Generation::FIRST.next();
    let guard = Some((&GrantName::Login, spent));
    for (number, guard, expected) in [(1, guard, Written::Stale), (9, None, Written::Gone)] {
        let written = bench
            .store
            .put_slot(&key(number), &service("crud"), &token("late"), guard)
            .await;
        assert_eq!(written.unwrap(), expected);
    }
    assert_eq!(bench.store.end(&key(9), None).await.unwrap(), None);
    bench.store.touch(&key(1), bench.now()).await.unwrap();
    bench.store.end(&key(1), None).await.unwrap();
    assert_eq!(next_change(&mut changes).await, ended(1));
}
