//! The breaker of one endpoint: after five failures in a row it lets one call through every five
//! seconds, so that a provider that is down is not pressed and callers are told at once.

use std::time::Duration;

const FAILURES: u32 = 5;
const PAUSE: Duration = Duration::from_secs(5);

/// A breaker. Times are those of a clock that never goes back.
#[derive(Debug, Default)]
pub(crate) struct Breaker {
    failures: u32,
    next_try: Duration,
}

impl Breaker {
    /// Whether a call may be made now. While the breaker is open, a `true` is the one trial.
    pub(crate) fn admit(&mut self, now: Duration) -> bool {
        if !self.is_open() {
            return true;
        }
        let may = now >= self.next_try;
        if may {
            self.next_try = now.saturating_add(PAUSE);
        }
        may
    }

    /// Whether calls are held back.
    pub(crate) fn is_open(&self) -> bool {
        self.failures >= FAILURES
    }

    /// Notes how a call ended.
    pub(crate) fn note(&mut self, answered: bool, now: Duration) {
        if answered {
            self.failures = 0;
            return;
        }
        self.failures = self.failures.saturating_add(1);
        if self.failures == FAILURES {
            self.next_try = now.saturating_add(PAUSE);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_failures_in_a_row_open_it_and_one_answer_closes_it() {
        let at = Duration::from_secs;
        let mut breaker = Breaker::default();
        for _ in 0..4 {
            breaker.note(false, at(1));
            assert!(breaker.admit(at(1)));
        }
        breaker.note(false, at(1));
        assert!(!breaker.admit(at(5)));
        assert!(breaker.admit(at(6)));
        assert!(!breaker.admit(at(6)), "only one trial at a time");
        breaker.note(false, at(7));
        assert!(!breaker.admit(at(10)));
        assert!(breaker.admit(at(11)));
        breaker.note(true, at(11));
        assert!(breaker.admit(at(11)));
    }
}
