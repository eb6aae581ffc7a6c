//! Several gateways on one Redis, and one on a Redis Cluster: what a request costs each side when
//! its session is read from the store every time.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tempfile::TempDir;

use crate::gateway::{Gateway, Setup};
use crate::load::{Answered, Load, Pace, Wire};
use crate::redis_fleet::RedisFleet;
use crate::report::Spread;
use crate::scenario::Scenario;
use crate::stage::{Stage, Ticket};
use crate::{Outcome, seeding};

/// How many gateways there are, and of how many masters their cluster is; 0: one plain Redis.
const LAYOUTS: [(usize, usize); 5] = [(1, 0), (2, 0), (4, 0), (1, 1), (1, 3)];
/// Connections over all gateways, each with a session of its own.
pub const CONNECTIONS: usize = 64;
/// Sessions in each store.
const SESSIONS: usize = 1_000;
/// The share of the slowest layout's peak at which latencies are compared.
const SHARE_OF_PEAK: f64 = 0.7;

/// Gateways and their store.
struct Layout {
    number: usize,
    gateways: Vec<Gateway>,
    redis: RedisFleet,
    tickets: Vec<Ticket>,
    _folder: TempDir,
}

/// What a layout showed in one round.
struct Row {
    rate: f64,
    gateway_cpu: f64,
    redis_cpu: f64,
    p50: f64,
    p99: f64,
}

/// What the layouts showed, by their number.
pub struct Replicas(BTreeMap<usize, Vec<Row>>);

/// Measures all layouts in rounds.
///
/// # Errors
/// Something does not start, or an answer was wrong.
pub fn measure(program: &Path, rounds: usize, row: Duration) -> Outcome<Replicas> {
    let stage = Stage::set()?;
    let layouts = (0..LAYOUTS.len()).map(|number| {
        let started = start(&stage, program, number);
        started.map_err(|error| format!("{}: {error}", name(number)).into())
    });
    let mut layouts = layouts.collect::<Outcome<Vec<_>>>()?;
    let mut rows: BTreeMap<usize, Vec<Row>> = BTreeMap::new();
    for round in 0..rounds {
        eprint!("\rround {} of {rounds}: gateways and clusters ", round + 1);
        let mut slowest = f64::MAX;
        let mut peaks = BTreeMap::new();
        for layout in &layouts {
            let peak = layout.load(&stage, Pace::Unbounded, row)?;
            slowest = slowest.min(peak.rate);
            peaks.insert(layout.number, peak);
        }
        for layout in &layouts {
            let pace = Pace::PerSecond(slowest * SHARE_OF_PEAK);
            let paced = layout.load(&stage, pace, row)?;
            if let Some(peak) = peaks.remove(&layout.number) {
                let (p50, p99) = (paced.p50, paced.p99);
                rows.entry(layout.number)
                    .or_default()
                    .push(Row { p50, p99, ..peak });
            }
        }
        layouts.rotate_left(1);
    }
    eprintln!();
    Ok(Replicas(rows))
}

fn start(stage: &Stage, program: &Path, number: usize) -> Outcome<Layout> {
    let (count, nodes) = LAYOUTS.get(number).copied().unwrap_or_default();
    let folder = TempDir::new()?;
    let redis = match nodes {
        0 => RedisFleet::single(folder.path())?,
        nodes => RedisFleet::cluster(folder.path(), nodes)?,
    };
    let cookies = seeding::sessions(stage, &redis.url(), SESSIONS)?;
    let setup = Setup {
        program: PathBuf::from(program),
        issuer: stage.issuer().to_owned(),
        upstream: stage.backend.address(),
        redis: Some(redis.url()),
        cache: "1B",
        // As many as one core has: more gateways are more threads, not the same ones split.
        threads: Some(1),
    };
    let start = |_| Gateway::start(&setup, stage.path(), &[], &[]);
    Ok(Layout {
        number,
        gateways: (0..count).map(start).collect::<Outcome<_>>()?,
        redis,
        tickets: cookies
            .into_iter()
            .take(CONNECTIONS)
            .map(|cookie| Ticket {
                user: "",
                cookie,
                csrf: String::new(),
            })
            .collect(),
        _folder: folder,
    })
}

impl Layout {
    /// Loads all gateways at the same time; the CPU is that of the warm-up as well, over all
    /// requests that the backend saw.
    fn load(&self, stage: &Stage, pace: Pace, time: Duration) -> Outcome<Row> {
        let share = self.gateways.len().max(1);
        let pace = match pace {
            Pace::Unbounded => Pace::Unbounded,
            Pace::PerSecond(rate) => Pace::PerSecond(rate / share as f64),
        };
        let before = (stage.backend.answered(), self.cpu()?, self.redis.cpu()?);
        let answered = std::thread::scope(|scope| {
            let running = self.gateways.iter().enumerate().map(|(number, gateway)| {
                let load = Load {
                    address: gateway.address,
                    wire: Wire::Plain,
                    connections: CONNECTIONS / share,
                    warm_up: Duration::from_millis(200),
                    pace,
                    time,
                    requests: u64::MAX,
                };
                let mut ask = Scenario::Warm.ask(&self.tickets);
                ask.tickets.rotate_left(number * CONNECTIONS / share);
                scope.spawn(move || {
                    load.run(&ask, &mut || {})
                        .map_err(|error| error.to_string())
                })
            });
            let running: Vec<_> = running.collect();
            let joined = running.into_iter().map(|load| {
                let ended = load
                    .join()
                    .map_err(|_| "a load ended in a panic".to_owned());
                ended.and_then(|answered| answered)
            });
            joined.collect::<Result<Vec<Answered>, String>>()
        })?;
        let passed = stage.backend.answered() - before.0;
        let right: u64 = answered.iter().map(|answered| answered.right).sum();
        let wrong: u64 = answered.iter().map(|answered| answered.wrong).sum();
        if wrong > 0 || right == 0 || passed < right {
            return Err(format!(
                "{}: {right} right answers, {wrong} wrong ones, {passed} at the backend",
                name(self.number)
            )
            .into());
        }
        let each = |time: Duration| time.as_secs_f64() * 1e6 / passed as f64;
        let all = merged(answered);
        Ok(Row {
            rate: all.rate(),
            gateway_cpu: each(self.cpu()?.saturating_sub(before.1)),
            redis_cpu: each(self.redis.cpu()?.saturating_sub(before.2)),
            p50: all.percentile(0.5),
            p99: all.percentile(0.99),
        })
    }

    fn cpu(&self) -> Outcome<Duration> {
        let processes = self.gateways.iter().map(|gateway| gateway.process.cpu());
        processes.sum()
    }
}

fn merged(answered: Vec<Answered>) -> Answered {
    let mut all = Answered::default();
    for one in answered {
        all.right += one.right;
        all.elapsed = all.elapsed.max(one.elapsed);
        all.latencies.extend(one.latencies);
    }
    all.latencies.sort_unstable();
    all
}

fn name(number: usize) -> String {
    let (gateways, nodes) = LAYOUTS.get(number).copied().unwrap_or_default();
    let many = if gateways == 1 { "" } else { "s" };
    match nodes {
        0 => format!("{gateways} gateway{many}, one Redis"),
        nodes => format!("{gateways} gateway{many}, cluster of {nodes}"),
    }
}

impl Replicas {
    /// The table.
    pub fn table(&self) -> String {
        let mut text = format!(
            "Session read from Redis for each request; gateways of one thread. Medians over the rounds; latencies at {:.0} % of the slowest row's peak; ratios within a round\n{:<28}{:>12}{:>16}{:>14}{:>10}{:>10}{:>26}\n",
            SHARE_OF_PEAK * 100.0,
            "",
            "requests/s",
            "gateway us/req",
            "Redis us/req",
            "p50 us",
            "p99 us",
            "Redis us over the first"
        );
        for (number, measured) in &self.0 {
            let median = |of: fn(&Row) -> f64| {
                let spread = Spread::of(measured.iter().map(of));
                spread.map_or(f64::NAN, |spread| spread.median)
            };
            let over = self.redis_over_the_first(measured);
            text.push_str(&format!(
                "{:<28}{:>12.0}{:>16.1}{:>14.1}{:>10.0}{:>10.0}{:>26}\n",
                name(*number),
                median(|row| row.rate),
                median(|row| row.gateway_cpu),
                median(|row| row.redis_cpu),
                median(|row| row.p50),
                median(|row| row.p99),
                over.map_or_else(|| "-".into(), Spread::text),
            ));
        }
        text
    }

    /// Everything, for machines.
    pub fn json(&self) -> Value {
        let layouts = self.0.iter().map(|(number, measured)| {
            let spread =
                |of: fn(&Row) -> f64| Spread::of(measured.iter().map(of)).map(Spread::json);
            let value = json!({
                "requests_per_second": spread(|row| row.rate),
                "gateway_cpu_us": spread(|row| row.gateway_cpu),
                "redis_cpu_us": spread(|row| row.redis_cpu),
                "p50_us": spread(|row| row.p50),
                "p99_us": spread(|row| row.p99),
                "redis_cpu_over_the_first": self.redis_over_the_first(measured).map(Spread::json),
            });
            (name(*number), value)
        });
        Value::Object(Map::from_iter(layouts))
    }

    fn redis_over_the_first(&self, measured: &[Row]) -> Option<Spread> {
        let pairs = self.0.get(&0)?.iter().zip(measured);
        Spread::of(pairs.map(|(first, this)| this.redis_cpu / first.redis_cpu))
    }
}
