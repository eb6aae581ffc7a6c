use std::time::Duration;

use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::session::SessionKey;

use crate::bench::Bench;
use crate::samples::{HOUR, key, session, session_of};

const MINUTE: Duration = Duration::from_secs(60);

async fn due(bench: &Bench, now: UnixTime, limit: usize) -> Vec<SessionKey> {
    bench.store.due_before(now, limit).await.unwrap()
}

pub async fn due_sessions_come_earliest_first_and_no_more_than_asked_for(bench: Bench) {
    let now = bench.now();
    let later = |minutes: u32| now.plus(MINUTE * minutes);
    for (number, minutes) in [(1, 30), (2, 10), (3, 20), (17, 15), (4, 40)] {
        bench.store.create(&session(number, now)).await.unwrap();
        bench
            .store
            .schedule(&key(number), later(minutes))
            .await
            .unwrap();
    }
    assert_eq!(due(&bench, later(9), 10).await, []);
    assert_eq!(due(&bench, later(10), 10).await, [key(2)]);
    assert_eq!(
        due(&bench, later(30), 10).await,
        [key(2), key(17), key(3), key(1)]
    );
    assert_eq!(due(&bench, later(30), 2).await, [key(2), key(17)]);
    assert_eq!(
        due(&bench, later(30), 2).await,
        [key(2), key(17)],
        "notes stay until replaced"
    );
}

pub async fn a_new_session_is_not_due_until_it_is_scheduled(bench: Bench) {
    let now = bench.now();
    bench.store.create(&session(1, now)).await.unwrap();
    assert_eq!(due(&bench, now.plus(MINUTE * 59), 10).await, []);
    bench.store.schedule(&key(1), now).await.unwrap();
    assert_eq!(due(&bench, now, 10).await, [key(1)]);
}

pub async fn a_later_note_replaces_the_earlier_one(bench: Bench) {
    let now = bench.now();
    bench.store.create(&session(1, now)).await.unwrap();
    bench.store.schedule(&key(1), now).await.unwrap();
    bench
        .store
        .schedule(&key(1), now.plus(MINUTE * 5))
        .await
        .unwrap();
    assert_eq!(due(&bench, now.plus(MINUTE * 4), 10).await, []);
    assert_eq!(due(&bench, now.plus(MINUTE * 5), 10).await, [key(1)]);
}

pub async fn an_unscheduled_session_is_not_due(bench: Bench) {
    let now = bench.now();
    bench.store.create(&session(1, now)).await.unwrap();
    bench.store.schedule(&key(1), now).await.unwrap();
    bench.store.unschedule(&key(1)).await.unwrap();
    assert_eq!(due(&bench, now.plus(MINUTE * 50), 10).await, []);
    bench.store.unschedule(&key(2)).await.unwrap();
    bench.store.schedule(&key(1), now).await.unwrap();
    assert_eq!(due(&bench, now, 10).await, [key(1)]);
}

pub async fn ended_sessions_are_not_due(bench: Bench) {
    let now = bench.now();
    bench.store.create(&session(1, now)).await.unwrap();
    bench.store.create(&session(2, now)).await.unwrap();
    bench
        .store
        .create(&session_of("alice", 3, now, Duration::from_secs(1)))
        .await
        .unwrap();
    for number in 1..=3 {
        bench.store.schedule(&key(number), now).await.unwrap();
    }
    bench.store.end(&key(1), None).await.unwrap();
    bench.store.schedule(&key(1), now).await.unwrap();
    bench.store.schedule(&key(4), now).await.unwrap();
    bench
        .until("only the living one is due", || async {
            due(&bench, now, 10).await == [key(2)]
        })
        .await;
    assert_eq!(bench.store.active_sessions().await.unwrap(), 1);
}

pub async fn sessions_are_counted(bench: Bench) {
    assert_eq!(bench.store.active_sessions().await.unwrap(), 0);
    for number in 1..=5 {
        bench
            .store
            .create(&session_of("alice", number, bench.now(), HOUR))
            .await
            .unwrap();
    }
    bench.store.end(&key(3), Some(MINUTE)).await.unwrap();
    assert_eq!(bench.store.active_sessions().await.unwrap(), 4);
}
