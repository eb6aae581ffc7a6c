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
    /// Bodies of 10 KiB on 64 connections: what read buffers are for.
    Posts,
    /// The same over TLS.
    PostsOverTls,
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
    pub const ALL: [Self; 6] = [
        Self::Many,
        Self::Few,
        Self::Posts,
        Self::PostsOverTls,
        Self::Streams,
        Self::BesideStreams,
    ];

    /// Its name in table and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Many => "64 connections",
            Self::Few => "2 connections",
            Self::Posts => "POST 10 KiB, 64 connections",
            Self::PostsOverTls => "POST 10 KiB over TLS",
            Self::Streams => "1 MiB streams, 8 connections",
            Self::BesideStreams => "1,000/s beside 4 streams",
        }
    }

    /// What is sent, over what, on how many connections and when.
    const fn sends(self) -> (Scenario, Wire, usize, Pace) {
        match self {
            Self::Many => (Scenario::Open, Wire::Plain, 64, Pace::Unbounded),
            Self::Few => (Scenario::Open, Wire::Plain, 2, Pace::Unbounded),
            Self::Posts => (Scenario::Post, Wire::Plain, 64, Pace::Unbounded),
            Self::PostsOverTls => (Scenario::Post, Wire::Tls, 64, Pace::Unbounded),
            Self::Streams => (Scenario::Stream, Wire::Plain, 8, Pace::Unbounded),
            Self::BesideStreams => (Scenario::Open, Wire::Plain, 32, Pace::PerSecond(BESIDE)),
        }
    }

    /// Measures one row. Beside streams the CPU is that of both kinds, for each small request.
    ///
    /// # Errors
    /// An answer was wrong.
    pub fn row(self, stage: &Stage, target: &Target, seconds: f64) -> Outcome<Row> {
        let (scenario, wire, connections, pace) = self.sends();
        let load = Load {
            address: target.address(wire),
            wire,
            connections,
            warm_up: Duration::from_millis(200),
            pace,
            time: Duration::from_secs_f64(seconds),
            requests: u64::MAX,
        };
        match self {
            Self::BesideStreams => beside_streams(stage, target, &load, scenario),
            Self::Many | Self::Few | Self::Posts | Self::PostsOverTls | Self::Streams => {
                measured(stage, target, &load, scenario)
            }
        }
    }
}

fn beside_streams(stage: &Stage, target: &Target, load: &Load, scenario: Scenario) -> Outcome<Row> {
    let streams = Load {
        connections: 4,
        pace: Pace::PerSecond(STREAMS),
        // They go on until the small requests are done.
        time: load.time + load.warm_up + Duration::from_millis(200),
        ..load.clone()
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
        let row = measured(stage, target, load, scenario)?;
        let streamed = streaming
            .join()
            .map_err(|_| "the streams ended in a panic")??;
        match streamed.wrong == 0 && streamed.right > 0 {
            true => Ok(row),
            false => Err(format!("{} streams broke", streamed.wrong).into()),
        }
    })
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
