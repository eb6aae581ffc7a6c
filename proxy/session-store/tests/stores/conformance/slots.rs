use std::time::Duration;

use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::grant::{Generation, GrantName, Written};
use tokenbridge_bridge::token::{MintRefusal, MintRefusalReason, TokenSlot};

use crate::bench::{Bench, service};
use crate::samples::{found, grant, is_absent, key, service_grant, session, session_of, token};

pub async fn a_slot_is_read_for_its_own_service_alone(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    let stored = bench
        .store
        .put_slot(&key(1), &service("analytics"), &token("a"), None)
        .await
        .unwrap();
    assert_eq!(stored, Written::Stored);
    assert_eq!(
        found(&*bench.store, 1, "analytics").await.slot,
        Some(token("a"))
    );
    assert_eq!(found(&*bench.store, 1, "crud").await.slot, None);
    assert_eq!(found(&*bench.store, 1, "analytics:x").await.slot, None);
}

pub async fn every_refusal_is_read_as_it_was_stored(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    for reason in MintRefusalReason::ALL {
        let detail = "asked for \"x\", got\nnothing".to_owned();
        let slot = TokenSlot::Refused(MintRefusal {
            reason,
            detail,
            at: UnixTime::from_seconds(9),
        });
        let stored = bench
            .store
            .put_slot(&key(1), &service("crud"), &slot, None)
            .await
            .unwrap();
        assert_eq!(stored, Written::Stored);
        assert_eq!(found(&*bench.store, 1, "crud").await.slot, Some(slot));
    }
}

pub async fn tokens_of_two_services_do_not_lose_each_other(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    let names: Vec<String> = (0..20).map(|number| format!("service-{number}")).collect();
    let target = key(1);
    futures_util::future::join_all(names.iter().map(|name| async {
        let stored = bench
            .store
            .put_slot(&target, &service(name), &token(name), None)
            .await;
        assert_eq!(stored.unwrap(), Written::Stored);
    }))
    .await;
    for name in &names {
        assert_eq!(found(&*bench.store, 1, name).await.slot, Some(token(name)));
    }
}

pub async fn a_late_slot_brings_no_ended_session_back(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    bench.store.end(&key(1), None).await.unwrap();
    let guard = Some((&GrantName::Login, Generation::FIRST));
    for guard in [None, guard] {
        let late = bench
            .store
            .put_slot(&key(1), &service("crud"), &token("late"), guard)
            .await;
        assert_eq!(late.unwrap(), Written::Gone);
    }
    assert!(is_absent(&*bench.store, 1).await);
}

pub async fn a_slot_of_a_spent_generation_is_stale(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    let store = &*bench.store;
    let (first, second) = (Generation::FIRST, Generation::FIRST.next());
    let put = async |mark: &str, name: &GrantName, generation| {
        store
            .put_slot(
                &key(1),
                &service("crud"),
                &token(mark),
                Some((name, generation)),
            )
            .await
            .unwrap()
    };
    assert_eq!(
        put("first", &GrantName::Login, first).await,
        Written::Stored
    );
    let completed = store
        .complete(&key(1), &GrantName::Login, first, &grant("second", first))
        .await;
    assert_eq!(completed.unwrap(), Written::Stored);
    assert_eq!(put("late", &GrantName::Login, first).await, Written::Stale);
    assert_eq!(
        put("unknown", &service_grant("crud"), first).await,
        Written::Stale
    );
    assert_eq!(found(store, 1, "crud").await.slot, Some(token("first")));
    assert_eq!(
        put("second", &GrantName::Login, second).await,
        Written::Stored
    );
    assert_eq!(found(store, 1, "crud").await.slot, Some(token("second")));
}

pub async fn a_slot_does_not_prolong_its_session(bench: Bench) {
    let short = session_of("alice", 1, bench.now(), Duration::from_secs(1));
    bench.store.create(&short).await.unwrap();
    bench
        .until("the session is over in spite of writes", || async {
            let slot = token("again");
            let written = bench
                .store
                .put_slot(&key(1), &service("crud"), &slot, None)
                .await;
            written.unwrap() == Written::Gone
        })
        .await;
}
