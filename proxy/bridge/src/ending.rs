//! When a session will end if nothing happens, and when its page is told.

use std::time::Duration;

use crate::session::{IdleTimeout, SessionFacts};
use crate::time::UnixTime;

/// A page is told this long before the end, but never in the first half of an idle timeout.
const NOTICE: Duration = Duration::from_secs(120);

/// A session's two moments, as they stand now: use moves them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ending {
    /// When the page is told.
    pub warn_at: UnixTime,
    /// When it is over.
    pub ends_at: UnixTime,
}

impl Ending {
    /// Works both out.
    pub fn of(facts: &SessionFacts, last_seen: UnixTime, idle: IdleTimeout) -> Self {
        let ends_at = facts.expires_at.min(last_seen.plus(idle.0));
        Self {
            warn_at: ends_at.minus(NOTICE.min(idle.0 / 2)),
            ends_at,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::Subject;

    #[test]
    fn a_page_is_told_before_whatever_end_comes_first() {
        let facts = SessionFacts {
            subject: Subject {
                issuer: "https://idp".into(),
                subject: "alice".into(),
            },
            idp_session: None,
            created_at: UnixTime::from_seconds(0),
            expires_at: UnixTime::from_seconds(10_000),
            authenticated_at: None,
            acr: None,
        };
        for (last_seen, idle, warn_at, ends_at) in [
            (0, 1_800, 1_680, 1_800),
            (1_000, 1_800, 2_680, 2_800),
            (9_000, 1_800, 9_880, 10_000),
            (0, 120, 60, 120),
        ] {
            let idle = IdleTimeout(Duration::from_secs(idle));
            let ending = Ending::of(&facts, UnixTime::from_seconds(last_seen), idle);
            let expected = Ending {
                warn_at: UnixTime::from_seconds(warn_at),
                ends_at: UnixTime::from_seconds(ends_at),
            };
            assert_eq!(ending, expected);
        }
    }
}
