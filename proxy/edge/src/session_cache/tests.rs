use std::time::Duration;

use tokenbridge_bridge::Secret;
use tokenbridge_bridge::rejection::Refusal;
use tokenbridge_bridge::service::{Audience, AudienceCheck, AudiencePolicy};
use tokenbridge_bridge::session::Subject;
use tokenbridge_bridge::token::{AudienceBound, ServiceToken};

use super::*;

const NOW: UnixTime = UnixTime::from_seconds(1_000);
const IDLE: IdleTimeout = IdleTimeout(Duration::from_secs(600));
const SERVICE: usize = 1;

fn session(number: u8) -> SessionKey {
    SessionKey::from_bytes([number; 32])
}

fn grant() -> Grant {
    let token = ServiceToken {
        value: Secret::new("abc"),
        audiences: vec![Audience::new("a")],
        scopes: Vec::new(),
        issued_at: NOW,
        expires_at: UnixTime::from_seconds(2_000),
        forced: false,
    };
    let policy = AudiencePolicy {
        expected: Audience::new("a"),
        check: AudienceCheck::Single,
        others: [].into(),
    };
    Grant {
        token: AudienceBound::bind(&token, &policy).unwrap(),
        last_seen: NOW,
        subject: Subject {
            issuer: "https://idp".into(),
            subject: "alice".into(),
        },
        session_ends: UnixTime::from_seconds(9_000),
    }
}

fn cache(bytes: u64) -> Arc<SessionCache> {
    let cache = SessionCache::new(bytes, 3, IDLE);
    cache.live.store(true, Ordering::Release);
    cache
}

fn load(cache: &SessionCache, number: u8) {
    let epoch = cache.epoch(&session(number));
    cache.keep(&session(number), SERVICE, grant(), epoch);
}

fn knows(cache: &SessionCache, number: u8, now: UnixTime) -> bool {
    cache.find(&session(number), SERVICE, now).is_some()
}

#[test]
fn what_was_admitted_serves_until_it_no_longer_holds() {
    let cache = cache(1 << 20);
    load(&cache, 1);
    assert!(knows(&cache, 1, NOW));
    assert!(
        !knows(&cache, 1, UnixTime::from_seconds(1_600)),
        "idle: the store is asked afresh"
    );
    let held = cache.find(&session(1), SERVICE, NOW).unwrap();
    held.seen(UnixTime::from_seconds(1_500));
    assert!(
        knows(&cache, 1, UnixTime::from_seconds(1_600)),
        "this replica saw it since"
    );
    held.seen(UnixTime::from_seconds(1_999));
    assert!(
        !knows(&cache, 1, UnixTime::from_seconds(2_000)),
        "the token has ended"
    );
    assert!(
        cache.find(&session(1), SERVICE + 1, NOW).is_none(),
        "another service's token is not this one"
    );
}

#[test]
fn a_notice_forgets_the_session_and_nobody_else() {
    let cache = cache(1 << 20);
    load(&cache, 1);
    load(&cache, 2);
    cache.forget(&session(1));
    assert!(!knows(&cache, 1, NOW));
    assert!(knows(&cache, 2, NOW));
}

#[test]
fn a_load_that_was_under_way_while_a_notice_came_is_not_kept() {
    let cache = cache(1 << 20);
    let epoch = cache.epoch(&session(1));
    cache.forget(&session(1));
    cache.keep(&session(1), SERVICE, grant(), epoch);
    assert!(!knows(&cache, 1, NOW));
}

#[test]
fn while_notices_may_be_missed_nothing_is_read_or_kept() {
    let cache = cache(1 << 20);
    load(&cache, 1);
    cache.live.store(false, Ordering::Release);
    assert!(!knows(&cache, 1, NOW));
    load(&cache, 2);
    cache.live.store(true, Ordering::Release);
    assert!(!knows(&cache, 2, NOW));
}

#[test]
fn the_cache_is_bounded_in_bytes() {
    let cache = cache(64 * 1024);
    for first in 0..=255 {
        for second in 0..8 {
            let mut bytes = [first; 32];
            bytes[1] = second;
            let key = SessionKey::from_bytes(bytes);
            cache.keep(&key, SERVICE, grant(), cache.epoch(&key));
        }
    }
    let (entries, bytes) = cache.size();
    assert!(
        bytes <= 64 * 1024 && entries > 50,
        "{entries} entries of {bytes} bytes"
    );
}

#[test]
fn a_cache_of_no_bytes_keeps_nothing() {
    let cache = cache(0);
    load(&cache, 1);
    assert!(!knows(&cache, 1, NOW));
}

#[tokio::test]
async fn an_unknown_session_is_asked_for_once_until_notices_are_lost() {
    let cache = cache(1 << 20);
    let key = session(1);
    let asked = std::sync::atomic::AtomicUsize::new(0);
    let ask = async || {
        let load = async {
            asked.fetch_add(1, Ordering::Relaxed);
            Err(Refusal::deleting_cookie(
                tokenbridge_bridge::rejection::Rejection::SessionMissing,
                "no such session",
            ))
        };
        cache
            .load(&key, SERVICE, (cache.epoch(&key), NOW), load)
            .await
    };
    for _ in 0..3 {
        assert!(ask().await.is_err());
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    cache.forget(&key);
    assert!(ask().await.is_err());
    assert_eq!(asked.load(Ordering::Relaxed), 2, "a notice came");
    cache.live.store(false, Ordering::Release);
    for _ in 0..2 {
        assert!(ask().await.is_err());
    }
    assert_eq!(asked.load(Ordering::Relaxed), 4, "bypassed");
}
