use std::time::Duration;

use tokenbridge_bridge::grant::{Generation, GrantName, Written};
use tokenbridge_bridge::session::{Profile, Reading};
use tokenbridge_session_store::{Acquired, Described, NewSession};

use crate::bench::{Bench, service};
use crate::samples::{
    found, grant, is_absent, is_replaced, key, lease, service_grant, session, session_of, subject,
    token,
};

pub async fn a_session_is_read_as_it_was_created(bench: Bench) {
    let new = session(1, bench.now());
    bench.store.create(&new).await.unwrap();
    let found = found(&*bench.store, 1, "analytics").await;
    assert_eq!(found.facts, new.facts);
    assert_eq!(found.last_seen, new.facts.created_at);
    assert_eq!(found.slot, None);
    assert_eq!(
        bench.store.grant(&key(1), &GrantName::Login).await.unwrap(),
        Some(new.grant)
    );
}

pub async fn what_the_provider_did_not_say_stays_unsaid(bench: Bench) {
    let mut new = session(1, bench.now());
    new.facts.idp_session = None;
    new.facts.authenticated_at = None;
    new.facts.acr = None;
    new.profile = Profile::default();
    bench.store.create(&new).await.unwrap();
    assert_eq!(found(&*bench.store, 1, "analytics").await.facts, new.facts);
    let Described::Found(description) = bench.store.describe(&key(1)).await.unwrap() else {
        panic!("not found");
    };
    assert_eq!(description.profile, Profile::default());
    assert!(bench.store.end(&key(1), None).await.unwrap().is_some());
}

pub async fn an_unknown_session_is_absent(bench: Bench) {
    assert!(is_absent(&*bench.store, 1).await);
    assert!(matches!(
        bench.store.describe(&key(1)).await.unwrap(),
        Described::Absent
    ));
    assert_eq!(
        bench
            .store
            .end(&key(1), Some(Duration::from_secs(60)))
            .await
            .unwrap(),
        None
    );
    assert!(
        is_absent(&*bench.store, 1).await,
        "a session that never was leaves no tombstone"
    );
}

pub async fn a_session_is_gone_when_its_lifetime_has_passed(bench: Bench) {
    let short = session_of("alice", 1, bench.now(), Duration::from_secs(1));
    bench.store.create(&short).await.unwrap();
    bench
        .until("the session is over", || is_absent(&*bench.store, 1))
        .await;
    assert!(!bench.store.touch(&key(1), bench.now()).await.unwrap());
    assert_eq!(bench.store.end(&key(1), None).await.unwrap(), None);
}

pub async fn creating_a_session_twice_is_the_same_as_once(bench: Bench) {
    let new = session(1, bench.now());
    bench.store.create(&new).await.unwrap();
    bench.store.create(&new).await.unwrap();
    assert_eq!(
        bench.store.sessions_of(&subject("alice")).await.unwrap(),
        [key(1)]
    );
    assert_eq!(bench.store.active_sessions().await.unwrap(), 1);
    assert!(bench.store.end(&key(1), None).await.unwrap().is_some());
    assert!(is_absent(&*bench.store, 1).await);
}

pub async fn last_seen_only_goes_forward(bench: Bench) {
    let now = bench.now();
    bench.store.create(&session(1, now)).await.unwrap();
    let last_seen = async || found(&*bench.store, 1, "analytics").await.last_seen;
    for (touched, expected) in [(60, 60), (30, 60), (90, 90), (0, 90)] {
        let at = now.plus(Duration::from_secs(touched));
        assert!(bench.store.touch(&key(1), at).await.unwrap());
        assert_eq!(last_seen().await, now.plus(Duration::from_secs(expected)));
    }
}

pub async fn touching_an_ended_session_brings_nothing_back(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    bench.store.end(&key(1), None).await.unwrap();
    assert!(!bench.store.touch(&key(1), bench.now()).await.unwrap());
    assert!(is_absent(&*bench.store, 1).await);
}

pub async fn a_description_has_the_profile_and_every_slot(bench: Bench) {
    let new = session(1, bench.now());
    bench.store.create(&new).await.unwrap();
    for name in ["analytics", "crud"] {
        let stored = bench
            .store
            .put_slot(&key(1), &service(name), &token(name), None)
            .await
            .unwrap();
        assert_eq!(stored, Written::Stored);
    }
    let seen = bench.now().plus(Duration::from_secs(60));
    bench.store.touch(&key(1), seen).await.unwrap();
    let Described::Found(description) = bench.store.describe(&key(1)).await.unwrap() else {
        panic!("not found");
    };
    assert_eq!(description.facts, new.facts);
    assert_eq!(description.profile, new.profile);
    assert_eq!(description.last_seen, seen);
    let slots: Vec<_> = description.slots.into_iter().collect();
    assert_eq!(
        slots,
        [
            (service("analytics"), token("analytics")),
            (service("crud"), token("crud"))
        ]
    );
}

pub async fn of_many_ends_of_one_session_exactly_one_is_given_it(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    let target = key(1);
    let ends = (0..20).map(|_| bench.store.end(&target, None));
    let ended = futures_util::future::join_all(ends).await;
    assert_eq!(
        ended
            .into_iter()
            .filter(|ended| ended.as_ref().unwrap().is_some())
            .count(),
        1
    );
}

pub async fn a_refusal_ends_no_session_that_was_renewed_meanwhile(bench: Bench) {
    let new = session(1, bench.now());
    let (key, store) = (key(1), &bench.store);
    store.create(&new).await.unwrap();
    let end = async |generation| {
        let ended = bench.store.end_refused(&key, &GrantName::Login, generation);
        ended.await.unwrap()
    };
    let (first, next) = (Generation::FIRST, Generation::FIRST.next());
    assert_eq!(end(next).await, None, "a generation that is not there");
    let renewed = store.complete(&key, &GrantName::Login, first, &new.grant);
    assert_eq!(renewed.await.unwrap(), Written::Stored);
    assert_eq!(end(first).await, None);
    let service = GrantName::Service(service("a"));
    let other = store.end_refused(&key, &service, next);
    assert_eq!(other.await.unwrap(), None, "a grant that is not there");
    assert!(
        end(next)
            .await
            .is_some_and(|ended| !ended.refresh_tokens.is_empty())
    );
    assert_eq!(end(next).await, None, "it is gone");
}

pub async fn an_ended_session_comes_with_all_that_must_be_revoked(bench: Bench) {
    let new = session(1, bench.now());
    bench.store.create(&new).await.unwrap();
    let store = &bench.store;
    let rotated = grant("rotated", Generation::FIRST);
    let of_crud = grant("crud", Generation::FIRST);
    let first = Generation::FIRST;
    let completed = store
        .complete(&key(1), &GrantName::Login, first, &rotated)
        .await
        .unwrap();
    assert_eq!(completed, Written::Stored);
    store
        .put_grant(&key(1), &service_grant("crud"), &of_crud)
        .await
        .unwrap();
    let ended = store.end(&key(1), None).await.unwrap().unwrap();
    assert_eq!(ended.facts, new.facts);
    assert_eq!(ended.id_token, rotated.id_token);
    assert_eq!(
        ended.refresh_tokens,
        [
            (GrantName::Login, rotated.refresh_token.unwrap()),
            (service_grant("crud"), of_crud.refresh_token.unwrap()),
        ]
    );
    assert_eq!(store.grant(&key(1), &GrantName::Login).await.unwrap(), None);
}

pub async fn a_replaced_session_says_so_for_a_while_and_takes_no_writes(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    let store = &*bench.store;
    assert!(
        store
            .end(&key(1), Some(Duration::from_secs(2)))
            .await
            .unwrap()
            .is_some()
    );
    assert!(is_replaced(store, 1).await);
    assert!(matches!(
        store.describe(&key(1)).await.unwrap(),
        Described::Replaced
    ));
    assert_eq!(store.end(&key(1), None).await.unwrap(), None);
    assert!(!store.touch(&key(1), bench.now()).await.unwrap());
    let late = store
        .put_slot(&key(1), &service("analytics"), &token("late"), None)
        .await
        .unwrap();
    assert_eq!(late, Written::Gone);
    assert_eq!(
        store
            .put_grant(
                &key(1),
                &GrantName::Login,
                &grant("late", Generation::FIRST)
            )
            .await
            .unwrap(),
        None
    );
    assert_eq!(
        store
            .acquire(&lease(1, 1), Duration::from_secs(1))
            .await
            .unwrap(),
        Acquired::Gone
    );
    assert!(matches!(
        store.read(&key(1), &service("analytics")).await.unwrap(),
        Reading::Replaced
    ));
    bench
        .until("the tombstone is gone", || is_absent(store, 1))
        .await;
}

pub async fn a_logout_leaves_nothing_behind(bench: Bench) {
    let new: NewSession = session(1, bench.now());
    bench.store.create(&new).await.unwrap();
    bench.store.end(&key(1), None).await.unwrap();
    assert!(is_absent(&*bench.store, 1).await);
    assert!(
        bench
            .store
            .sessions_of(&new.facts.subject)
            .await
            .unwrap()
            .is_empty()
    );
    assert_eq!(bench.store.active_sessions().await.unwrap(), 0);
}
