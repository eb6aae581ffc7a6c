//! What is told of each kind of request, and the gateway's beside a bare proxy's.

use super::{Report, Spread};
use crate::counting::Cost;
use crate::round::Row;
use crate::scenario::Scenario;
use crate::target::Side;

/// What is timed, in each round.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Timed {
    /// Requests per second of the program's processor time.
    PerCpuSecond,
    /// Requests per second, as fast as they are answered.
    PerSecond,
    /// Half of the answers came within that time, at a fixed rate.
    P50,
    /// 99 of 100.
    P99,
    /// 999 of 1,000.
    P999,
}

impl Timed {
    /// All of them, in the order of table and picture.
    pub const ALL: [Self; 5] = [
        Self::PerCpuSecond,
        Self::PerSecond,
        Self::P50,
        Self::P99,
        Self::P999,
    ];

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::PerCpuSecond => "requests per CPU second",
            Self::PerSecond => "requests per second",
            Self::P50 => "p50 at a fixed rate",
            Self::P99 => "p99 at a fixed rate",
            Self::P999 => "p99.9 at a fixed rate",
        }
    }

    /// For machines.
    pub const fn key(self) -> &'static str {
        match self {
            Self::PerCpuSecond => "requests_per_cpu_second",
            Self::PerSecond => "requests_per_second",
            Self::P50 => "p50",
            Self::P99 => "p99",
            Self::P999 => "p999",
        }
    }

    /// Whether more of it is better.
    pub const fn more_is_better(self) -> bool {
        matches!(self, Self::PerCpuSecond | Self::PerSecond)
    }

    /// Of one row.
    pub fn of(self, row: &Row) -> f64 {
        let [p50, p99, p999] = row.latency;
        match self {
            Self::PerCpuSecond => 1e6 / row.cpu,
            Self::PerSecond => row.rate,
            Self::P50 => p50,
            Self::P99 => p99,
            Self::P999 => p999,
        }
    }
}

/// What is counted, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Instructions in user space.
    Instructions,
    /// Allocations, reallocations among them.
    Allocations,
    /// System calls.
    SystemCalls,
}

impl Counted {
    /// All of them, in the order of table and picture.
    pub const ALL: [Self; 3] = [Self::Instructions, Self::Allocations, Self::SystemCalls];

    /// For people.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Allocations => "allocations",
            Self::SystemCalls => "system calls",
        }
    }

    /// For machines.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Instructions => "instructions",
            Self::Allocations => "allocations",
            Self::SystemCalls => "system_calls",
        }
    }

    /// Of one kind of request.
    pub const fn of(self, cost: &Cost) -> Option<f64> {
        match self {
            Self::Instructions => cost.instructions,
            Self::Allocations => cost.allocations,
            Self::SystemCalls => cost.system_calls,
        }
    }
}

impl Report {
    /// The rows in which something was timed, in the order of the rounds.
    pub fn timed(&self, scenario: Scenario, side: Side, timed: Timed) -> &[Row] {
        let rows = match timed {
            Timed::PerCpuSecond | Timed::PerSecond => &self.rows.peak,
            Timed::P50 | Timed::P99 | Timed::P999 => &self.rows.paced,
        };
        rows.get(&(scenario, side)).map_or(&[], Vec::as_slice)
    }

    /// The gateway over a bare proxy, formed in each round.
    pub fn ratio(&self, scenario: Scenario, timed: Timed, bare: Side) -> Option<Spread> {
        let of = |side| self.timed(scenario, side, timed).iter();
        let pairs = of(bare).zip(of(Side::Gateway));
        Spread::of(pairs.map(|(bare, gateway)| timed.of(gateway) / timed.of(bare)))
    }

    /// What was counted for a request.
    pub fn counted(&self, scenario: Scenario, side: Side, counted: Counted) -> Option<f64> {
        counted.of(self.costs.get(&(scenario, side))?)
    }

    /// The gateway over a bare proxy.
    pub fn counted_ratio(&self, scenario: Scenario, counted: Counted, bare: Side) -> Option<f64> {
        let of = |side| self.counted(scenario, side, counted);
        Some(of(Side::Gateway)? / of(bare)?)
    }
}
