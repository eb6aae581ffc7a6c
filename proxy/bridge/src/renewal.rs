//! When a token falls due for renewal.

use std::time::Duration;

use crate::time::UnixTime;

/// How renewals are timed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RenewalTiming {
    /// How long before its end a token should be renewed (`token_refresh_threshold`).
    pub threshold: Duration,
}

impl RenewalTiming {
    /// When a token that lives from `issued_at` to `expires_at` falls due: at
    /// `issued + max(50 % of life, min(80 % of life - jitter, life - threshold))`, so that a
    /// short-lived token is not due on arrival. `jitter` is a share of life, from 0 to 0.1.
    pub fn due_at(self, issued_at: UnixTime, expires_at: UnixTime, jitter: f64) -> UnixTime {
        let life = expires_at.since(issued_at);
        let late = life
            .mul_f64(0.8 - jitter.clamp(0.0, 0.1))
            .min(life.saturating_sub(self.threshold));
        issued_at.plus(late.max(life / 2))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_falls_due_in_the_second_half_of_its_life_and_before_the_threshold() {
        let due = |life: u64, threshold: u64, jitter: f64| {
            let timing = RenewalTiming {
                threshold: Duration::from_secs(threshold),
            };
            let issued = UnixTime::from_seconds(1_000);
            timing
                .due_at(issued, issued.plus(Duration::from_secs(life)), jitter)
                .seconds()
                - 1_000
        };
        assert_eq!(due(3_600, 60, 0.0), 2_880);
        assert_eq!(due(3_600, 60, 0.1), 2_520);
        assert_eq!(due(300, 120, 0.0), 180);
        assert_eq!(due(60, 60, 0.0), 30);
        assert_eq!(due(3, 60, 0.0), 1);
        assert_eq!(due(0, 60, 0.0), 0);
        assert_eq!(due(300, 60, 5.0), 210);
    }
}
