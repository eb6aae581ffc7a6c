//! With what thread shapes and the like are compared.

use std::sync::mpsc;
use std::time::Duration;

use crate::Outcome;
use crate::load::{Answered, Load, Pace, Wire};
use crate::round::{Measured, Row};
use crate::scenario::Scenario;
use crate::stage::Stage;
use crate::target::Target;

/// A kind of load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Workload {
    /// Small answers on 64 connections, as fast as they come.
    Many,
    /// The same on two connections: both may be one thread's.
    Few,
    /// Answers of 1 MiB in chunks on eight connections.
    Streams,
    /// Small answers at a fixed rate, while four connections take long streams: a thread that is
    /// busy with one lets its other connections wait.
    BesideStreams,
}

/// Small requests per second beside streams, and streams per second.
const BESIDE: f64 = 1_000.0;
const STREAMS: f64 = 100.0;

impl Workload {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 4] = [Self::Many, Self::Few, Self::Streams, Self::BesideStreams];

    /// Its name in table and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Many => "64 connections",
            Self::Few => "2 connections",
            Self::Streams => "1 MiB streams, 8 connections",
            Self::BesideStreams => "1,000/s beside 4 streams",
        }
    }

    /// Measures one row. Beside streams the CPU is that of both kinds, for each small request.
    ///
    /// # Errors
    /// An answer was wrong.
    pub fn row(self, stage: &Stage, target: &Target, seconds: f64) -> Outcome<Row> {
        let (scenario, connections, pace) = match self {
            Self::Many => (Scenario::Open, 64, Pace::Unbounded),
            Self::Few => (Scenario::Open, 2, Pace::Unbounded),
            Self::Streams => (Scenario::Stream, 8, Pace::Unbounded),
            Self::BesideStreams => (Scenario::Open, 32, Pace::PerSecond(BESIDE)),
        };
        let load = load(target, connections, pace, seconds);
        if self != Self::BesideStreams {
            return measured(stage, target, &load, scenario);
        }
        let streams = Load {
            // It goes on until the small requests are done.
            time: load.time + load.warm_up + Duration::from_millis(200),
            ..self::load(target, 4, Pace::PerSecond(STREAMS), seconds)
        };
        std::thread::scope(|scope| {
            let (begun, begins) = mpsc::channel();
            let streaming = scope.spawn(move || -> Result<Answered, String> {
                let mut tell = || {
                    // The second call has nobody who waits.
                    let _ = begun.send(());
                };
                let ask = Scenario::Stream.ask(&[]);
                streams
                    .run(&ask, &mut tell)
                    .map_err(|error| error.to_string())
            });
            // A stream that cannot begin is told below.
            let _ = begins.recv();
            let row = measured(stage, target, &load, scenario)?;
            let streamed = streaming
                .join()
                .map_err(|_| "the streams ended in a panic")??;
            match streamed.wrong == 0 && streamed.right > 0 {
                true => Ok(row),
                false => Err(format!("{} streams broke", streamed.wrong).into()),
            }
        })
    }
}

fn load(target: &Target, connections: usize, pace: Pace, seconds: f64) -> Load {
    Load {
        address: target.address,
        wire: Wire::Plain,
        connections,
        warm_up: Duration::from_millis(200),
        pace,
        time: Duration::from_secs_f64(seconds),
        requests: u64::MAX,
    }
}

fn measured(stage: &Stage, target: &Target, load: &Load, scenario: Scenario) -> Outcome<Row> {
    let measured = Measured::of(load, &scenario.ask(&[]), &target.process, stage)?;
    match measured.answered.wrong == 0 && measured.answered.right > 0 {
        true => Ok(measured.row()),
        false => Err(format!(
            "{} right answers and {} wrong ones",
            measured.answered.right, measured.answered.wrong
        )
        .into()),
    }
}
