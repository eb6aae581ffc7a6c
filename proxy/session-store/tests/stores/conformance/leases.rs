use std::time::{Duration, Instant};

use tokenbridge_bridge::grant::{Generation, GrantName, Holder, Written};
use tokenbridge_session_store::{Acquired, Lease, SentMark};

use crate::bench::Bench;
use crate::samples::{grant, key, lease, service_grant, session};

const FIRST: Generation = Generation::FIRST;
const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(150);

async fn take(bench: &Bench, lease: &Lease, ttl: Duration) -> Acquired {
    bench.store.acquire(lease, ttl).await.unwrap()
}

async fn holds(bench: &Bench, lease: &Lease) -> bool {
    matches!(take(bench, lease, LONG).await, Acquired::Held { .. })
}

async fn sent(bench: &Bench, lease: &Lease) -> Option<SentMark> {
    match take(bench, lease, LONG).await {
        Acquired::Held { sent, .. } => sent,
        other => panic!("not held: {other:?}"),
    }
}

pub async fn of_many_holders_exactly_one_gets_the_lease(bench: Bench) {
    let new = session(1, bench.now());
    bench.store.create(&new).await.unwrap();
    let leases: Vec<_> = (1..=20).map(|holder| lease(1, holder)).collect();
    let attempts = leases.iter().map(|lease| bench.store.acquire(lease, LONG));
    let (mut held, mut busy) = (0, 0);
    for outcome in futures_util::future::join_all(attempts).await {
        match outcome.unwrap() {
            Acquired::Held { grant, sent } => {
                held += 1;
                assert_eq!((*grant, sent), (new.grant.clone(), None));
            }
            Acquired::Busy { remaining } => {
                busy += 1;
                assert!(remaining > Duration::ZERO && remaining <= LONG);
            }
            other @ (Acquired::NoGrant | Acquired::Gone) => panic!("{other:?}"),
        }
    }
    assert_eq!((held, busy), (1, 19));
}

pub async fn a_lease_that_is_not_kept_runs_out_and_a_kept_one_does_not(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    let (one, other) = (lease(1, 1), lease(1, 2));
    assert!(matches!(
        take(&bench, &one, SHORT).await,
        Acquired::Held { .. }
    ));
    bench
        .until("the lease runs out", || holds(&bench, &other))
        .await;
    assert!(
        !bench.store.keep(&one, LONG).await.unwrap(),
        "it was taken over"
    );

    bench.store.release(&other).await.unwrap();
    assert!(matches!(
        take(&bench, &one, SHORT).await,
        Acquired::Held { .. }
    ));
    assert!(bench.store.keep(&one, LONG).await.unwrap());
    match take(&bench, &other, LONG).await {
        Acquired::Busy { remaining } => assert!(remaining > SHORT),
        taken => panic!("{taken:?}"),
    }
}

pub async fn a_lease_is_given_back_by_its_holder_alone(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    let (one, other) = (lease(1, 1), lease(1, 2));
    assert!(holds(&bench, &one).await);
    assert!(holds(&bench, &one).await, "the holder may ask again");
    bench.store.release(&other).await.unwrap();
    assert!(!holds(&bench, &other).await);
    bench.store.release(&one).await.unwrap();
    assert!(holds(&bench, &other).await);
    assert!(!bench.store.keep(&one, LONG).await.unwrap());
}

pub async fn leases_of_two_grants_do_not_touch_each_other(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    let name = service_grant("crud");
    bench
        .store
        .put_grant(&key(1), &name, &grant("crud", FIRST))
        .await
        .unwrap();
    let of_crud = Lease {
        session: key(1),
        grant: name,
        holder: Holder(2),
    };
    assert!(holds(&bench, &lease(1, 1)).await);
    assert!(holds(&bench, &of_crud).await);
    assert_eq!(
        bench.store.mark_sent(&of_crud, FIRST, LONG).await.unwrap(),
        Written::Stored
    );
    assert_eq!(sent(&bench, &lease(1, 1)).await, None);
}

pub async fn nobody_leases_what_is_not_there(bench: Bench) {
    assert_eq!(take(&bench, &lease(1, 1), LONG).await, Acquired::Gone);
    bench.store.create(&session(1, bench.now())).await.unwrap();
    let unknown = Lease {
        session: key(1),
        grant: service_grant("crud"),
        holder: Holder(1),
    };
    assert_eq!(take(&bench, &unknown, LONG).await, Acquired::NoGrant);
    assert!(holds(&bench, &lease(1, 1)).await);
    bench.store.end(&key(1), None).await.unwrap();
    assert!(!bench.store.keep(&lease(1, 1), LONG).await.unwrap());
    assert_eq!(
        bench
            .store
            .mark_sent(&lease(1, 1), FIRST, LONG)
            .await
            .unwrap(),
        Written::Gone
    );
    assert_eq!(
        bench.store.clear_sent(&lease(1, 1), FIRST).await.unwrap(),
        Written::Gone
    );
    assert_eq!(take(&bench, &lease(1, 1), LONG).await, Acquired::Gone);
    bench.store.release(&lease(1, 1)).await.unwrap();
}

pub async fn a_sent_mark_outlives_its_holder_and_its_deadline(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    let (one, other) = (lease(1, 1), lease(1, 2));
    assert!(holds(&bench, &one).await);
    assert_eq!(
        bench
            .store
            .mark_sent(&one, FIRST, Duration::from_secs(1))
            .await
            .unwrap(),
        Written::Stored
    );
    bench.store.release(&one).await.unwrap();
    let mark = sent(&bench, &other).await.unwrap();
    assert_eq!(mark.generation, FIRST);
    assert!(mark.remaining <= Duration::from_secs(1));
    bench
        .until("the deadline passes", || async {
            sent(&bench, &other).await.unwrap().remaining.is_zero()
        })
        .await;
}

pub async fn a_mark_keeps_the_time_of_the_first_one_of_its_generation(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    let (one, other) = (lease(1, 1), lease(1, 2));
    let mark = async |lease| {
        let marked = bench.store.mark_sent(lease, FIRST, Duration::ZERO).await;
        assert_eq!(marked.unwrap(), Written::Stored);
    };
    assert!(holds(&bench, &one).await);
    mark(&one).await;
    bench.store.release(&one).await.unwrap();
    bench
        .until("time passes since the first mark", || async {
            sent(&bench, &other).await.unwrap().age >= SHORT
        })
        .await;
    mark(&other).await;
    assert!(sent(&bench, &other).await.unwrap().age >= SHORT);
    let cleared = bench.store.clear_sent(&other, FIRST).await.unwrap();
    assert_eq!(cleared, Written::Stored);
    let cleared_at = Instant::now();
    mark(&other).await;
    let age = sent(&bench, &other).await.unwrap().age;
    assert!(
        age <= cleared_at.elapsed() + Duration::from_millis(2),
        "{age:?}"
    );
}

pub async fn only_the_holder_marks_and_only_the_current_generation(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    let (one, other) = (lease(1, 1), lease(1, 2));
    let mark = async |lease, generation| {
        bench
            .store
            .mark_sent(lease, generation, LONG)
            .await
            .unwrap()
    };
    assert_eq!(
        mark(&one, FIRST).await,
        Written::Stale,
        "nobody holds the lease"
    );
    assert!(holds(&bench, &one).await);
    assert_eq!(mark(&other, FIRST).await, Written::Stale);
    assert_eq!(mark(&one, FIRST.next()).await, Written::Stale);
    assert_eq!(sent(&bench, &one).await, None);
    assert_eq!(mark(&one, FIRST).await, Written::Stored);
}

pub async fn only_the_sender_takes_a_mark_back(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    let (one, other) = (lease(1, 1), lease(1, 2));
    let clear = async |lease, generation| bench.store.clear_sent(lease, generation).await.unwrap();
    assert!(holds(&bench, &one).await);
    assert_eq!(clear(&one, FIRST).await, Written::Stale, "there is none");
    assert_eq!(
        bench.store.mark_sent(&one, FIRST, LONG).await.unwrap(),
        Written::Stored
    );
    assert_eq!(clear(&other, FIRST).await, Written::Stale);
    assert_eq!(clear(&one, FIRST.next()).await, Written::Stale);
    assert!(sent(&bench, &one).await.is_some());
    bench.store.release(&one).await.unwrap();
    assert_eq!(
        clear(&one, FIRST).await,
        Written::Stored,
        "its own mark, even without the lease"
    );
    assert_eq!(sent(&bench, &other).await, None);
}

pub async fn a_completion_clears_the_mark(bench: Bench) {
    bench.store.create(&session(1, bench.now())).await.unwrap();
    let one = lease(1, 1);
    assert!(holds(&bench, &one).await);
    assert_eq!(
        bench.store.mark_sent(&one, FIRST, LONG).await.unwrap(),
        Written::Stored
    );
    let stale = bench
        .store
        .complete(&key(1), &GrantName::Login, FIRST.next(), &grant("x", FIRST))
        .await;
    assert_eq!(stale.unwrap(), Written::Stale);
    assert!(
        sent(&bench, &one).await.is_some(),
        "a stale result proves nothing"
    );
    let stored = bench
        .store
        .complete(&key(1), &GrantName::Login, FIRST, &grant("next", FIRST))
        .await;
    assert_eq!(stored.unwrap(), Written::Stored);
    assert_eq!(sent(&bench, &one).await, None);
}
