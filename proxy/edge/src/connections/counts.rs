//! How many connections each client address has. An IPv6 client owns a whole /64, so that is what
//! counts as one address there.

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Enough that accepting threads rarely meet.
const SHARDS: usize = 16;

type Shard = Mutex<HashMap<IpAddr, usize>>;

/// The connections of every address, over all listeners and threads.
pub(crate) struct ConnectionCounts {
    hasher: RandomState,
    shards: [Shard; SHARDS],
}

impl Default for ConnectionCounts {
    fn default() -> Self {
        Self {
            hasher: RandomState::new(),
            shards: std::array::from_fn(|_| Mutex::default()),
        }
    }
}

impl ConnectionCounts {
    /// Counts a connection for as long as the guard lives; `None` where the address has `most`.
    pub(crate) fn enter(self: &Arc<Self>, ip: IpAddr, most: usize) -> Option<Counted> {
        let address = counted_as(ip);
        let mut shard = self.shard(address);
        let count = shard.entry(address).or_default();
        if *count >= most {
            return None;
        }
        *count += 1;
        drop(shard);
        Some(Counted {
            counts: self.clone(),
            address,
        })
    }

    fn leave(&self, address: IpAddr) {
        let mut shard = self.shard(address);
        match shard.get_mut(&address) {
            Some(count) if *count > 1 => *count -= 1,
            Some(_) | None => {
                shard.remove(&address);
            }
        }
    }

    fn shard(&self, address: IpAddr) -> MutexGuard<'_, HashMap<IpAddr, usize>> {
        let number = usize::try_from(self.hasher.hash_one(address) % SHARDS as u64);
        let [first, ..] = &self.shards;
        let shard = number.ok().and_then(|number| self.shards.get(number));
        let shard = shard.unwrap_or(first);
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn counted_as(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
    }
}

/// One connection, counted.
pub(crate) struct Counted {
    counts: Arc<ConnectionCounts>,
    address: IpAddr,
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.counts.leave(self.address);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn an_address_has_its_own_count_that_falls_when_a_connection_ends() {
        let counts = Arc::new(ConnectionCounts::default());
        let first = counts.enter(ip("192.0.2.1"), 2).unwrap();
        let _second = counts.enter(ip("::ffff:192.0.2.1"), 2).unwrap();
        assert!(counts.enter(ip("192.0.2.1"), 2).is_none());
        assert!(counts.enter(ip("192.0.2.2"), 2).is_some());
        drop(first);
        assert!(counts.enter(ip("192.0.2.1"), 2).is_some());
    }

    #[test]
    fn the_addresses_of_one_ipv6_network_count_together() {
        let counts = Arc::new(ConnectionCounts::default());
        let _first = counts.enter(ip("2001:db8::1"), 1).unwrap();
        assert!(counts.enter(ip("2001:db8::ffff:2"), 1).is_none());
        assert!(counts.enter(ip("2001:db8:0:1::1"), 1).is_some());
    }

    #[test]
    fn nothing_is_kept_of_an_address_without_connections() {
        let counts = Arc::new(ConnectionCounts::default());
        for number in 0..1_000_u32 {
            drop(counts.enter(IpAddr::V4(number.into()), 1));
        }
        let kept = |shard: &Shard| shard.lock().unwrap().len();
        assert_eq!(counts.shards.iter().map(kept).sum::<usize>(), 0);
    }
}
