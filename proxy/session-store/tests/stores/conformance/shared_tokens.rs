use std::time::Duration;

use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::token::{ServiceToken, TokenSlot};

use crate::bench::Bench;
use crate::samples;

fn token(mark: &str, expires_at: UnixTime) -> ServiceToken {
    match samples::token(mark) {
        TokenSlot::Token(token) => ServiceToken {
            expires_at,
            ..token
        },
        TokenSlot::Refused(refusal) => panic!("{refusal:?}"),
    }
}

pub async fn a_token_of_our_own_is_read_by_its_mark_until_it_ends(bench: Bench) {
    let ends = bench.now().plus(samples::HOUR);
    let (one, other) = (token("one", ends), token("other", ends));
    assert_eq!(bench.store.shared_token(&[1; 32]).await.unwrap(), None);
    for token in [&one, &other] {
        bench.store.put_shared_token(&[1; 32], token).await.unwrap();
    }
    assert_eq!(
        bench.store.shared_token(&[1; 32]).await.unwrap(),
        Some(other)
    );
    assert_eq!(bench.store.shared_token(&[2; 32]).await.unwrap(), None);
    assert_eq!(bench.store.active_sessions().await.unwrap(), 0);
}

pub async fn a_token_that_has_ended_is_none(bench: Bench) {
    let ended = token("ended", bench.now().minus(Duration::from_secs(1)));
    bench
        .store
        .put_shared_token(&[1; 32], &ended)
        .await
        .unwrap();
    assert_eq!(bench.store.shared_token(&[1; 32]).await.unwrap(), None);
}

pub async fn a_claim_that_is_given_back_can_be_taken_again(bench: Bench) {
    let claim = || bench.store.claim_once(&[1; 32], samples::HOUR);
    assert!(claim().await.unwrap());
    assert!(!claim().await.unwrap());
    bench.store.unclaim(&[1; 32]).await.unwrap();
    assert!(claim().await.unwrap());
    assert!(!claim().await.unwrap());
    bench.store.unclaim(&[2; 32]).await.unwrap();
}
