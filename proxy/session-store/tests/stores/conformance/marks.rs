use std::time::Duration;

use tokenbridge_session_store::StoreHealth;

use crate::bench::Bench;

const LONG: Duration = Duration::from_secs(600);

pub async fn a_mark_is_claimed_once(bench: Bench) {
    assert!(bench.store.claim_once(&[1; 32], LONG).await.unwrap());
    assert!(!bench.store.claim_once(&[1; 32], LONG).await.unwrap());
    assert!(bench.store.claim_once(&[2; 32], LONG).await.unwrap());
}

pub async fn of_many_claims_exactly_one_succeeds(bench: Bench) {
    let claims = (0..20).map(|_| bench.store.claim_once(&[1; 32], LONG));
    let outcomes = futures_util::future::join_all(claims).await;
    assert_eq!(
        outcomes
            .into_iter()
            .filter(|outcome| *outcome.as_ref().unwrap())
            .count(),
        1
    );
}

pub async fn a_mark_may_be_claimed_again_when_its_time_is_over(bench: Bench) {
    let short = Duration::from_millis(150);
    assert!(bench.store.claim_once(&[1; 32], short).await.unwrap());
    bench
        .until("it is over", || async {
            bench.store.claim_once(&[1; 32], LONG).await.unwrap()
        })
        .await;
    assert!(!bench.store.claim_once(&[1; 32], LONG).await.unwrap());
}

pub async fn a_store_that_answers_says_so(bench: Bench) {
    bench.store.ping().await.unwrap();
    match bench.store.health() {
        StoreHealth::Up(since) => assert!(since <= bench.now()),
        other @ (StoreHealth::Unknown | StoreHealth::Down(_)) => panic!("{other:?}"),
    }
}
