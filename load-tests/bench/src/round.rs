//! The timed rows. Every round measures every side of every scenario right after each other, in
//! an order that rotates, so that a ratio is formed of what the machine did at the same time.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::Outcome;
use crate::load::{Answered, Ask, Load, Pace};
use crate::process::Process;
use crate::scenario::{Scenario, browser_fields};
use crate::stage::{Stage, Ticket};
use crate::target::{Side, Target};

/// The share of the slowest side's peak at which latencies are compared.
const SHARE_OF_PEAK: f64 = 0.7;

/// How long, how often, how many.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Rounds.
    pub rounds: usize,
    /// One row.
    pub row: Duration,
    /// One row at a fixed rate.
    pub paced: Duration,
    /// Requests at the same time.
    pub connections: usize,
}

/// What one row showed.
#[derive(Clone, Copy, Debug)]
pub struct Row {
    /// The program's processor time per request, in microseconds.
    pub cpu: f64,
    /// Redis's.
    pub redis_cpu: f64,
    /// Requests per second.
    pub rate: f64,
    /// How many requests that were.
    pub answers: u64,
    /// Latencies of half, 99 and 99.9 of a hundred requests, in microseconds.
    pub latency: [f64; 3],
}

/// All rows, by scenario and side, in the order of the rounds.
#[derive(Debug, Default)]
pub struct Rows {
    /// As fast as requests were answered.
    pub peak: BTreeMap<(Scenario, Side), Vec<Row>>,
    /// At the same fixed rate for all sides.
    pub paced: BTreeMap<(Scenario, Side), Vec<Row>>,
}

/// The programs side by side.
pub struct Sides<'s> {
    /// What stands around.
    pub stage: &'s Stage,
    /// Bare Pingora, as its quick start has it.
    pub stock: Target,
    /// Bare Pingora, same build.
    pub same: Target,
    /// The gateway.
    pub warm: Target,
    /// The gateway whose session cache keeps nothing.
    pub cold: Target,
    /// Who has logged in.
    pub tickets: Vec<Ticket>,
}

impl Sides<'_> {
    /// The program of a side, for a scenario.
    pub fn target(&self, scenario: Scenario, side: Side) -> &Target {
        match (side, scenario) {
            (Side::Stock, _) => &self.stock,
            (Side::Same, _) => &self.same,
            (Side::Gateway, Scenario::Cold) => &self.cold,
            (Side::Gateway, _) => &self.warm,
        }
    }

    /// The request of a scenario; a bare proxy answers it whatever cookie it has.
    pub fn ask(&self, scenario: Scenario, side: Side) -> Ask {
        let mut ask = scenario.ask(&self.tickets);
        if side != Side::Gateway {
            ask.status = 200;
        }
        ask
    }

    /// Measures all rounds.
    ///
    /// # Errors
    /// An answer was wrong, or the backend counted otherwise than the load generator.
    pub fn measure(&self, options: &Options) -> Outcome<Rows> {
        let mut rows = Rows::default();
        for round in 0..options.rounds {
            self.check()?;
            for scenario in Scenario::ALL {
                eprint!(
                    "\rround {} of {}: {:<28}",
                    round + 1,
                    options.rounds,
                    scenario.name()
                );
                self.scenario(scenario, round, options, &mut rows)?;
            }
        }
        self.check()?;
        eprintln!();
        Ok(rows)
    }

    fn check(&self) -> Outcome<()> {
        let two = self.tickets.get(..2).unwrap_or_default();
        self.warm.check_tokens(two, &browser_fields())?;
        self.cold.check_tokens(two, &browser_fields())
    }

    fn scenario(
        &self,
        scenario: Scenario,
        round: usize,
        options: &Options,
        rows: &mut Rows,
    ) -> Outcome<()> {
        let mut slowest = f64::MAX;
        for side in rotated(round) {
            let load = self.load(scenario, side, options);
            let row = self.row(scenario, side, &load)?;
            slowest = slowest.min(row.rate);
            rows.peak.entry((scenario, side)).or_default().push(row);
        }
        for side in rotated(round) {
            let load = Load {
                pace: Pace::PerSecond(slowest * SHARE_OF_PEAK),
                time: options.paced,
                ..self.load(scenario, side, options)
            };
            let row = self.row(scenario, side, &load)?;
            rows.paced.entry((scenario, side)).or_default().push(row);
        }
        Ok(())
    }

    fn load(&self, scenario: Scenario, side: Side, options: &Options) -> Load {
        let wire = scenario.wire();
        Load {
            address: self.target(scenario, side).address(wire),
            wire,
            connections: options.connections,
            warm_up: Duration::from_millis(150),
            pace: Pace::Unbounded,
            time: options.row,
            requests: u64::MAX,
        }
    }

    fn row(&self, scenario: Scenario, side: Side, load: &Load) -> Outcome<Row> {
        let ask = self.ask(scenario, side);
        let process = &self.target(scenario, side).process;
        let counted = self.stage.backend.answered();
        let measured = Measured::of(load, &ask, process, self.stage)?;
        let named = |problem: String| format!("{}, {}: {problem}", scenario.name(), side.name());
        if measured.answered.wrong > 0 || measured.answered.right == 0 {
            let (right, wrong) = (measured.answered.right, measured.answered.wrong);
            return Err(named(format!("{right} right answers and {wrong} wrong ones")).into());
        }
        let passed = self.stage.backend.answered() - counted;
        let refused = ask.status != 200;
        // The warm-up is the backend's as well, so it has at least as many.
        if (refused && passed > 0) || (!refused && passed < measured.answered.right) {
            return Err(named(format!("the backend answered {passed} requests")).into());
        }
        Ok(measured.row())
    }
}

/// The order of a round.
fn rotated(round: usize) -> impl Iterator<Item = Side> {
    let sides = Side::ALL;
    (0..sides.len()).filter_map(move |place| sides.get((place + round) % sides.len()).copied())
}

/// A load's outcome with what it cost.
pub struct Measured {
    /// The answers.
    pub answered: Answered,
    cpu: [Duration; 2],
}

impl Measured {
    /// Runs a load and notes what it cost the program and Redis.
    ///
    /// # Errors
    /// No connection can be had.
    pub fn of(load: &Load, ask: &Ask, process: &Process, stage: &Stage) -> Outcome<Self> {
        let mut readings = Vec::new();
        let answered = load.run(ask, &mut || {
            let both = process
                .cpu()
                .and_then(|cpu| Ok([cpu, stage.redis.process().cpu()?]));
            readings.extend(both.ok());
        })?;
        let [before, after] = readings.as_slice() else {
            return Err("a program ended while it was measured".into());
        };
        let spent = |index: usize| {
            let of = |reading: &[Duration; 2]| reading.get(index).copied().unwrap_or_default();
            of(after).saturating_sub(of(before))
        };
        Ok(Self {
            answered,
            cpu: [spent(0), spent(1)],
        })
    }

    /// The row of a table.
    pub fn row(&self) -> Row {
        let each = |time: Duration| time.as_secs_f64() * 1e6 / self.answered.right.max(1) as f64;
        let [program, redis] = self.cpu;
        Row {
            cpu: each(program),
            redis_cpu: each(redis),
            rate: self.answered.rate(),
            answers: self.answered.right,
            latency: [0.5, 0.99, 0.999].map(|share| self.answered.percentile(share)),
        }
    }
}
