use std::time::Duration;

use tokenbridge_bridge::grant::{Generation, GrantName, RefreshGrant, Written};
use tokenbridge_session_store::{Acquired, NewSession};

use crate::bench::Bench;
use crate::samples::{grant, is_absent, key, lease, service_grant, session};

const FIRST: Generation = Generation::FIRST;

async fn login_grant(bench: &Bench) -> RefreshGrant {
    bench
        .store
        .grant(&key(1), &GrantName::Login)
        .await
        .unwrap()
        .unwrap()
}

pub async fn a_grant_is_read_as_it_was_stored(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    let name = service_grant("crud");
    assert_eq!(bench.store.grant(&key(1), &name).await.unwrap(), None);
    let stored = bench
        .store
        .put_grant(&key(1), &name, &grant("crud", FIRST))
        .await
        .unwrap();
    assert_eq!(stored, Some(FIRST));
    assert_eq!(
        bench.store.grant(&key(1), &name).await.unwrap(),
        Some(grant("crud", FIRST))
    );
    assert_eq!(login_grant(&bench).await, grant("first", FIRST));
}

pub async fn a_grant_without_a_refresh_token_stays_without(bench: Bench) {
    let bare = RefreshGrant {
        refresh_token: None,
        generation: FIRST,
        scopes: None,
        access_token: None,
        id_token: None,
    };
    let new = NewSession {
        grant: bare.clone(),
        ..session(1, bench.now())
    };
    bench.store.create(&new).await.unwrap();
    assert_eq!(login_grant(&bench).await, bare);
    let ended = bench.store.end(&key(1), None).await.unwrap().unwrap();
    assert_eq!((ended.refresh_tokens, ended.id_token), (Vec::new(), None));
}

pub async fn of_many_completions_of_one_generation_exactly_one_is_stored(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    let target = key(1);
    for spent in 1..=5 {
        let spent = Generation::from_number(spent);
        let results: Vec<_> = (0..10)
            .map(|racer| grant(&format!("{spent:?}-{racer}"), FIRST))
            .collect();
        let flights = results.iter().map(|next| {
            bench
                .store
                .complete(&target, &GrantName::Login, spent, next)
        });
        let outcomes = futures_util::future::join_all(flights).await;
        let winners: Vec<_> = outcomes
            .into_iter()
            .zip(&results)
            .filter(|(outcome, _)| *outcome.as_ref().unwrap() == Written::Stored)
            .map(|(_, next)| next)
            .collect();
        assert_eq!(winners.len(), 1);
        let expected = RefreshGrant {
            generation: spent.next(),
            ..winners[0].clone()
        };
        assert_eq!(login_grant(&bench).await, expected);
    }
}

pub async fn a_result_is_stored_whoever_holds_the_lease_by_then(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    let long = Duration::from_secs(60);
    assert!(matches!(
        bench.store.acquire(&lease(1, 7), long).await.unwrap(),
        Acquired::Held { .. }
    ));
    let late = grant("from a paused holder", FIRST);
    let written = bench
        .store
        .complete(&key(1), &GrantName::Login, FIRST, &late)
        .await
        .unwrap();
    assert_eq!(written, Written::Stored);
    let marked = bench
        .store
        .mark_sent(&lease(1, 7), FIRST, long)
        .await
        .unwrap();
    assert_eq!(
        marked,
        Written::Stale,
        "the holder must not send the spent token"
    );
}

pub async fn a_late_completion_brings_no_ended_session_back(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    bench.store.end(&key(1), None).await.unwrap();
    let late = grant("late", FIRST);
    let written = bench
        .store
        .complete(&key(1), &GrantName::Login, FIRST, &late)
        .await
        .unwrap();
    assert_eq!(written, Written::Gone);
    assert!(is_absent(&*bench.store, 1).await);
    assert_eq!(
        bench.store.grant(&key(1), &GrantName::Login).await.unwrap(),
        None
    );
}

pub async fn completing_a_grant_that_was_never_there_is_stale(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    let name = service_grant("crud");
    let written = bench
        .store
        .complete(&key(1), &name, FIRST, &grant("x", FIRST))
        .await
        .unwrap();
    assert_eq!(written, Written::Stale);
    assert_eq!(bench.store.grant(&key(1), &name).await.unwrap(), None);
}

pub async fn a_fresh_grant_makes_flights_of_the_old_one_stale(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    let name = service_grant("crud");
    bench
        .store
        .put_grant(&key(1), &name, &grant("old", FIRST))
        .await
        .unwrap();
    let fresh = bench
        .store
        .put_grant(&key(1), &name, &grant("fresh", FIRST))
        .await
        .unwrap();
    assert_eq!(fresh, Some(FIRST.next()));
    let late = bench
        .store
        .complete(&key(1), &name, FIRST, &grant("late", FIRST))
        .await
        .unwrap();
    assert_eq!(late, Written::Stale);
    let stored = bench.store.grant(&key(1), &name).await.unwrap();
    assert_eq!(stored, Some(grant("fresh", FIRST.next())));
}

pub async fn a_fresh_grant_of_an_ended_session_is_not_stored(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    bench.store.end(&key(1), None).await.unwrap();
    let name = service_grant("crud");
    let stored = bench
        .store
        .put_grant(&key(1), &name, &grant("late", FIRST))
        .await
        .unwrap();
    assert_eq!(stored, None);
    assert!(is_absent(&*bench.store, 1).await);
}
