use std::time::Duration;

use tokenbridge_bridge::session::Subject;

use crate::bench::Bench;
use crate::samples::{HOUR, ISSUER, key, session_of, sorted, subject};

pub async fn the_sessions_of_a_subject_are_those_of_its_issuer(bench: Bench) {
    let now = bench.now();
    let mut elsewhere = session_of("alice", 3, now, HOUR);
    elsewhere.facts.subject.issuer = "https://other.example".into();
    for new in [
        session_of("alice", 1, now, HOUR),
        session_of("alice", 2, now, HOUR),
        elsewhere,
        session_of("bob", 4, now, HOUR),
    ] {
        bench.store.create(&new).await.unwrap();
    }
    let of = async |subject: Subject| sorted(bench.store.sessions_of(&subject).await.unwrap());
    assert_eq!(of(subject("alice")).await, [key(1), key(2)]);
    assert_eq!(of(subject("bob")).await, [key(4)]);
    assert_eq!(of(subject("carol")).await, []);
}

pub async fn ending_one_session_leaves_the_others_in_the_index(bench: Bench) {
    for number in 1..=3 {
        bench
            .store
            .create(&session_of("alice", number, bench.now(), HOUR))
            .await
            .unwrap();
    }
    bench.store.end(&key(2), None).await.unwrap();
    let left = [key(1), key(3)];
    assert_eq!(
        sorted(bench.store.sessions_of(&subject("alice")).await.unwrap()),
        left
    );
    let by_sid = bench
        .store
        .sessions_of_idp_session(ISSUER, "sid-of-alice")
        .await
        .unwrap();
    assert_eq!(sorted(by_sid), left);
}

pub async fn sessions_are_found_by_the_providers_session(bench: Bench) {
    let mut without = session_of("alice", 3, bench.now(), HOUR);
    without.facts.idp_session = None;
    bench
        .store
        .create(&session_of("alice", 1, bench.now(), HOUR))
        .await
        .unwrap();
    bench
        .store
        .create(&session_of("bob", 2, bench.now(), HOUR))
        .await
        .unwrap();
    bench.store.create(&without).await.unwrap();
    let by = async |issuer, sid| {
        bench
            .store
            .sessions_of_idp_session(issuer, sid)
            .await
            .unwrap()
    };
    assert_eq!(by(ISSUER, "sid-of-alice").await, [key(1)]);
    assert_eq!(by(ISSUER, "sid-of-bob").await, [key(2)]);
    assert_eq!(by("https://other.example", "sid-of-bob").await, []);
    assert_eq!(by(ISSUER, "").await, []);
}

pub async fn sessions_that_are_over_are_not_listed(bench: Bench) {
    bench
        .store
        .create(&session_of("alice", 1, bench.now(), Duration::from_secs(1)))
        .await
        .unwrap();
    bench
        .store
        .create(&session_of("alice", 2, bench.now(), HOUR))
        .await
        .unwrap();
    let alice = subject("alice");
    bench
        .until("the first one is over", || async {
            bench.store.sessions_of(&alice).await.unwrap() == [key(2)]
        })
        .await;
}
