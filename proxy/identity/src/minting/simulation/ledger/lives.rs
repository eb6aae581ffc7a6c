//! The lives of replicas, and how they fared in them.

use std::time::Duration;

use super::Ledger;
use crate::minting::lease::LEASE;
use crate::minting::simulation::timeline::Host;

/// One life of a replica, from its start to its kill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::minting::simulation) struct Life {
    pub(in crate::minting::simulation) host: Host,
    pub(in crate::minting::simulation) number: u64,
}

/// What is known of one of them now.
#[derive(Default)]
pub(super) struct Replica {
    life: u64,
    paused: bool,
    /// When it last was paused or had trouble with the store.
    troubled: Option<Duration>,
}

impl Ledger {
    pub(in crate::minting::simulation) fn life(&self, host: Host) -> Life {
        Life {
            host,
            number: self.replicas[host].life,
        }
    }

    pub(super) fn lives(&self, life: Life) -> bool {
        self.life(life.host) == life
    }

    pub(in crate::minting::simulation) fn killed(&mut self, host: Host) {
        self.replicas[host].life += 1;
        self.replicas[host].paused = false;
        self.replicas[host].troubled = None;
    }

    pub(in crate::minting::simulation) fn paused(
        &mut self,
        host: Host,
        paused: bool,
        now: Duration,
    ) {
        self.replicas[host].paused = paused;
        self.troubled(host, now);
    }

    pub(in crate::minting::simulation) fn troubled(&mut self, host: Host, now: Duration) {
        self.replicas[host].troubled = Some(now);
    }

    /// Whether a replica could do all that it should, for so long that a lease shows it.
    pub(super) fn was_well_since(&self, life: Life, since: Duration) -> bool {
        let replica = &self.replicas[life.host];
        let well = |at: Duration| at + LEASE < since;
        self.lives(life) && !replica.paused && replica.troubled.is_none_or(well)
    }
}
