//! This replica's token buckets, in a table that never grows.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, PoisonError};

use tokenbridge_bridge::rate::{Bucket, Level};

/// Places that a bucket may stand in.
const WAYS: usize = 8;
/// Sets under one lock, so that threads seldom meet at one.
const SETS_PER_LOCK: usize = 64;

/// A bucket that is not full: whose it is, and when it will be full. Time zero is a free place.
#[derive(Clone, Copy, Default)]
struct Entry {
    whose: u64,
    full_at: u64,
}

type Set = [Entry; WAYS];

/// Token buckets by a keyed hash of whose they are: nobody can choose to share a set with another.
pub(crate) struct LocalBuckets {
    sets: Box<[Mutex<Box<[Set]>>]>,
    hasher: RandomState,
}

impl LocalBuckets {
    /// Room for at least so many buckets that are not full.
    pub(crate) fn new(buckets: usize) -> Self {
        let locks = buckets.div_ceil(WAYS * SETS_PER_LOCK).max(1);
        let sets = || Mutex::new(vec![Set::default(); SETS_PER_LOCK].into_boxed_slice());
        Self {
            sets: (0..locks).map(|_| sets()).collect(),
            hasher: RandomState::new(),
        }
    }

    /// One request at `now`, in nanoseconds from any beginning.
    pub(crate) fn take(&self, whose: impl Hash, bucket: &Bucket, now: u64) -> Level {
        let whose = self.hasher.hash_one(whose);
        let number = usize::try_from(whose % (self.sets.len() * SETS_PER_LOCK) as u64);
        let number = number.unwrap_or_default();
        let lock = self.sets.get(number / SETS_PER_LOCK);
        let mut sets = lock.map(|lock| lock.lock().unwrap_or_else(PoisonError::into_inner));
        let set = sets
            .as_mut()
            .and_then(|sets| sets.get_mut(number % SETS_PER_LOCK));
        let Some(entry) = set.and_then(|set| place(set, whose)) else {
            // There is no such set: the number is below their count.
            return bucket.take(0, now).0;
        };
        let (level, full_at) = bucket.take(entry.full_at, now);
        entry.full_at = full_at;
        level
    }
}

/// The bucket's place; where it has none, the one of the bucket that is full first, which loses
/// least by being forgotten.
fn place(set: &mut Set, whose: u64) -> Option<&mut Entry> {
    if let Some(own) = set.iter().position(|entry| entry.whose == whose) {
        return set.get_mut(own);
    }
    let first = set.iter_mut().min_by_key(|entry| entry.full_at)?;
    *first = Entry { whose, full_at: 0 };
    Some(first)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn each_has_a_bucket_of_its_own() {
        let buckets = LocalBuckets::new(1_000);
        let bucket = Bucket::new(1, Duration::from_secs(1), 2);
        for whose in 0..100 {
            let taken: Vec<bool> = (0..3)
                .map(|_| buckets.take(whose, &bucket, SECOND).allowed)
                .collect();
            assert_eq!(taken, [true, true, false], "{whose}");
        }
    }

    #[test]
    fn a_flood_of_newcomers_takes_no_more_room_and_the_emptiest_buckets_stay() {
        let buckets = LocalBuckets::new(1);
        let bucket = Bucket::new(1, Duration::from_secs(60), 5);
        while buckets.take("busy", &bucket, SECOND).allowed {}
        for newcomer in 0..100_000 {
            assert!(buckets.take(newcomer, &bucket, SECOND).allowed);
        }
        assert!(!buckets.take("busy", &bucket, SECOND).allowed);
        let entries: usize = buckets
            .sets
            .iter()
            .map(|sets| sets.lock().unwrap().len() * WAYS)
            .sum();
        assert_eq!(entries, SETS_PER_LOCK * WAYS);
    }

    #[test]
    fn of_many_threads_exactly_the_burst_gets_through() {
        let buckets = LocalBuckets::new(1_000);
        let bucket = Bucket::new(1, Duration::from_secs(3_600), 50);
        let allowed: usize = std::thread::scope(|scope| {
            let take = || {
                (0..100)
                    .filter(|_| buckets.take("one", &bucket, SECOND).allowed)
                    .count()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(allowed, 50);
    }
}
