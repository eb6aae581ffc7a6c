use tokenbridge_bridge::grant::{Generation, RefreshGrant};
use tokenbridge_bridge::session::{Profile, SessionFacts};

use super::*;

fn session(number: u8) -> NewSession {
    NewSession {
        key: SessionKey::from_bytes([number; 32]),
        facts: SessionFacts {
            subject: Subject {
                issuer: "https://idp".into(),
                subject: "alice".into(),
            },
            idp_session: Some("sid".into()),
            created_at: UnixTime::from_seconds(1_000),
            expires_at: UnixTime::from_seconds(2_000),
            authenticated_at: None,
            acr: None,
        },
        profile: Profile::default(),
        grant: RefreshGrant {
            refresh_token: None,
            generation: Generation::FIRST,
            scopes: None,
            access_token: None,
            id_token: None,
        },
    }
}

#[test]
fn what_is_over_leaves_nothing_in_any_index() {
    let mut state = State::new(MemoryLimits::default());
    let at = |seconds| Instant {
        now: UnixTime::from_seconds(1_000 + seconds),
        monotonic: Duration::from_secs(seconds),
    };
    for number in 1..=4 {
        state.create(&session(number), at(0)).unwrap();
        state.schedule(
            &session(number).key,
            UnixTime::from_seconds(1_500),
            Duration::ZERO,
        );
    }
    state.end(&session(1).key, None, Duration::ZERO).unwrap();
    state
        .end(
            &session(2).key,
            Some(Duration::from_secs(60)),
            Duration::ZERO,
        )
        .unwrap();
    assert_eq!(state.count(at(1_000).monotonic), 0);
    assert!(state.directory.is_empty());
    assert!(state.entries.is_empty());
    assert_eq!(state.bytes, 0);
}

#[test]
fn an_ended_session_leaves_every_index_at_once() {
    let mut state = State::new(MemoryLimits::default());
    let start = Instant {
        now: UnixTime::from_seconds(1_000),
        monotonic: Duration::ZERO,
    };
    state.create(&session(1), start).unwrap();
    state.schedule(
        &session(1).key,
        UnixTime::from_seconds(1_500),
        Duration::ZERO,
    );
    state.end(&session(1).key, None, Duration::ZERO).unwrap();
    assert!(state.directory.is_empty());
    assert_eq!(state.bytes, 0);
}
