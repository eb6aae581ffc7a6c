//! Token buckets, kept as one number each: the generic cell rate algorithm (ITU-T I.371).
//!
//! A bucket's state is the time at which it will be full again. Each request moves it by one
//! interval; a request that would move it further away than the bucket holds is refused.

use std::time::Duration;

/// How fast a bucket fills and how much it holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Nanoseconds for one token.
    interval: u64,
    capacity: u32,
}

/// Where a bucket stands after a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Level {
    /// Whether the request had its token.
    pub allowed: bool,
    /// How many more requests would have theirs at once.
    pub remaining: u32,
    /// Until the next request has its token, where there is none left; else until it is full.
    pub wait: Duration,
}

impl Bucket {
    /// `count` tokens in `period`, and at most `capacity` at once; at least one of each.
    pub fn new(count: u32, period: Duration, capacity: u32) -> Self {
        let period = u64::try_from(period.as_nanos()).unwrap_or(u64::MAX);
        Self {
            interval: (period / u64::from(count.max(1))).max(1),
            capacity: capacity.max(1),
        }
    }

    /// How many tokens it holds.
    pub const fn capacity(&self) -> u32 {
        self.capacity
    }

    /// The time for one token.
    pub const fn interval(&self) -> Duration {
        Duration::from_nanos(self.interval)
    }

    /// The time in which an empty bucket fills.
    pub const fn window(&self) -> Duration {
        Duration::from_nanos(self.interval.saturating_mul(self.capacity as u64))
    }

    /// One request at `now`, for a bucket that is full at `full_at`: what comes of it, and when it
    /// is full after that. All in nanoseconds from any beginning.
    pub fn take(&self, full_at: u64, now: u64) -> (Level, u64) {
        let window = self.interval.saturating_mul(u64::from(self.capacity));
        let missing = full_at.saturating_sub(now);
        let after = missing.saturating_add(self.interval);
        match after <= window {
            true => (self.level(true, after), now.saturating_add(after)),
            false => (self.level(false, missing), full_at),
        }
    }

    /// Where a bucket stands that lacks this much time to be full.
    pub fn level(&self, allowed: bool, missing: u64) -> Level {
        let window = self.interval.saturating_mul(u64::from(self.capacity));
        let left = window.saturating_sub(missing) / self.interval;
        let remaining = u32::try_from(left).unwrap_or(u32::MAX);
        let next = missing.saturating_add(self.interval).saturating_sub(window);
        Level {
            allowed,
            remaining,
            wait: Duration::from_nanos(if remaining == 0 { next } else { missing }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn a_full_bucket_gives_its_burst_and_then_one_for_each_interval() {
        let bucket = Bucket::new(2, Duration::from_secs(1), 3);
        let mut full_at = 0;
        let mut take = |now: u64| {
            let (level, after) = bucket.take(full_at, now);
            full_at = after;
            (level.allowed, level.remaining, level.wait.as_millis())
        };
        let now = 100 * SECOND;
        assert_eq!(take(now), (true, 2, 500));
        assert_eq!(take(now), (true, 1, 1_000));
        assert_eq!(take(now), (true, 0, 500));
        assert_eq!(take(now), (false, 0, 500));
        assert_eq!(take(now + SECOND / 4), (false, 0, 250));
        assert_eq!(take(now + SECOND / 2), (true, 0, 500));
        assert_eq!(take(now + SECOND / 2), (false, 0, 500));
        assert_eq!(take(now + 10 * SECOND), (true, 2, 500));
    }

    #[test]
    fn refused_requests_do_not_push_the_next_token_away() {
        let bucket = Bucket::new(1, Duration::from_secs(1), 1);
        let (_, mut full_at) = bucket.take(0, SECOND);
        for _ in 0..1_000 {
            let (level, after) = bucket.take(full_at, SECOND + 1);
            assert!(!level.allowed);
            full_at = after;
        }
        assert!(bucket.take(full_at, 2 * SECOND).0.allowed);
    }

    #[test]
    fn no_rate_is_too_odd() {
        for (count, period, capacity) in [
            (u32::MAX, Duration::from_secs(1), u32::MAX),
            (0, Duration::ZERO, 0),
            (1, Duration::MAX, u32::MAX),
        ] {
            let bucket = Bucket::new(count, period, capacity);
            let (level, full_at) = bucket.take(u64::MAX, 0);
            assert!(!level.allowed || full_at > 0, "{bucket:?}");
            assert!(bucket.take(0, u64::MAX).0.remaining < bucket.capacity());
        }
    }
}
