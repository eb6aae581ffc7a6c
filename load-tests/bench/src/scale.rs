//! How the store bears many sessions: what a look-up and a step of the due index take with a
//! million sessions beside a thousand, and what a session takes in Redis.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tempfile::TempDir;
use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::{Reading, SessionId};
use tokenbridge_session_store::{Clock, RedisStore, SessionStore, SystemClock};

use crate::Outcome;
use crate::redis::Redis;
use crate::report::Spread;
use crate::seeding::{self, TOKEN};
use crate::stage::Stage;

/// Sessions that are put in at the same time.
const AT_ONCE: usize = 64;
/// Calls of each kind that are timed in a round, and rounds.
const CALLS: usize = 500;
const ROUNDS: usize = 9;
/// Calls of a kind after which it is the next number's turn: what else the machine does meets all.
const TURN: usize = 50;
/// The services of a session, each with a token.
const SERVICES: [&str; 2] = ["crud_service", "other_service"];

/// Redis with so many sessions.
struct Filled {
    store: RedisStore,
    /// Some of them, evenly chosen.
    ids: Vec<SessionId>,
    shown: Shown,
    redis: Redis,
    _folder: TempDir,
}

/// What one number of sessions showed.
struct Shown {
    sessions: usize,
    /// What each session takes.
    bytes: f64,
    /// All that this Redis holds, in bytes.
    used: u64,
    /// Look-ups of each round, in microseconds, sorted.
    reads: Vec<Vec<f64>>,
    /// Redis's processor time for a look-up, of each turn, likewise.
    cpu: Vec<Vec<f64>>,
    /// Steps of the due index, likewise.
    steps: Vec<Vec<f64>>,
}

/// What all numbers of sessions showed, in their order.
pub struct Scaled(Vec<Shown>);

/// Fills a Redis of its own for each number of sessions, and measures them in turns.
///
/// # Errors
/// Redis is missing, or full.
pub fn measure(numbers: &[usize]) -> Outcome<Scaled> {
    let stage = Stage::set()?;
    stage.wait(async {
        let now = SystemClock::default().now();
        let mut all = Vec::new();
        for sessions in numbers {
            all.push(Filled::with(*sessions, now).await?);
        }
        for round in 0..ROUNDS {
            eprint!("\rround {} of {ROUNDS}: look-ups and due index ", round + 1);
            measure_round(&mut all, round, now).await?;
        }
        eprintln!();
        Ok(Scaled(all.into_iter().map(|filled| filled.shown).collect()))
    })
}

async fn measure_round(all: &mut [Filled], round: usize, now: UnixTime) -> Outcome<()> {
    for filled in all.iter_mut() {
        filled.shown.reads.push(Vec::with_capacity(CALLS));
        filled.shown.cpu.push(Vec::with_capacity(CALLS / TURN));
        filled.shown.steps.push(Vec::with_capacity(CALLS));
    }
    let count = all.len().max(1);
    for turn in 0..CALLS / TURN {
        for place in 0..all.len() {
            if let Some(filled) = all.get_mut((place + turn + round) % count) {
                let before = filled.redis.process().cpu()?;
                filled.read(round * CALLS + turn * TURN).await?;
                let spent = filled.redis.process().cpu()?.saturating_sub(before);
                let each = spent.as_secs_f64() * 1e6 / TURN as f64;
                filled.shown.cpu.last_mut().ok_or("no round")?.push(each);
                filled.step(now).await?;
            }
        }
    }
    for shown in all.iter_mut().map(|filled| &mut filled.shown) {
        let rounds = [&mut shown.reads, &mut shown.cpu, &mut shown.steps].map(|all| all.last_mut());
        let sort = |times: &mut Vec<f64>| times.sort_by(f64::total_cmp);
        rounds.into_iter().flatten().for_each(sort);
    }
    Ok(())
}

impl Scaled {
    /// The table.
    pub fn table(&self) -> String {
        let mut text = format!(
            "Real Redis, a session with {} service tokens of {TOKEN} bytes; {ROUNDS} rounds of {CALLS} calls one after the other, {TURN} in turn, medians of the rounds; Redis us: its processor time for a look-up; ratios to the first row within a round\n{:>10}{:>10}{:>12}{:>16}{:>12}{:>10}{:>20}{:>10}{:>20}{:>13}{:>20}\n",
            SERVICES.len(),
            "sessions",
            "MiB",
            "bytes each",
            "beyond tokens'",
            "look-up us",
            "p99 us",
            "over the first",
            "Redis us",
            "over the first",
            "due step us",
            "over the first"
        );
        for shown in &self.0 {
            let over = |of| {
                let spread = self.over(shown, of);
                spread.map_or_else(|| "-".into(), Spread::text)
            };
            text.push_str(&format!(
                "{:>10}{:>10.0}{:>12.0}{:>16.0}{:>12.1}{:>10.1}{:>20}{:>10.1}{:>20}{:>13.1}{:>20}\n",
                shown.sessions,
                shown.used as f64 / f64::from(1 << 20),
                shown.bytes,
                shown.beyond_tokens(),
                median(&shown.reads, 0.5),
                median(&shown.reads, 0.99),
                over(|shown| &shown.reads),
                median(&shown.cpu, 0.5),
                over(|shown| &shown.cpu),
                median(&shown.steps, 0.5),
                over(|shown| &shown.steps),
            ));
        }
        text
    }

    /// Everything, for machines.
    pub fn json(&self) -> Value {
        let rows = self.0.iter().map(|shown| {
            let over = |of| self.over(shown, of).map(Spread::json);
            json!({
                "sessions": shown.sessions,
                "redis_bytes": shown.used,
                "bytes_per_session": shown.bytes.round(),
                "bytes_per_session_beyond_tokens": shown.beyond_tokens().round(),
                "look_up_us": percentiles(&shown.reads),
                "look_up_over_the_first": over(|shown| &shown.reads),
                "redis_cpu_us_per_look_up": median(&shown.cpu, 0.5),
                "redis_cpu_over_the_first": over(|shown| &shown.cpu),
                "due_step_us": percentiles(&shown.steps),
                "due_step_over_the_first": over(|shown| &shown.steps),
            })
        });
        rows.collect()
    }

    /// The medians of a number's rounds over those of the first one, within each round.
    fn over(&self, shown: &Shown, of: fn(&Shown) -> &[Vec<f64>]) -> Option<Spread> {
        let pairs = of(self.0.first()?).iter().zip(of(shown));
        Spread::of(pairs.map(|(first, this)| percentile(this, 0.5) / percentile(first, 0.5)))
    }
}

impl Shown {
    fn beyond_tokens(&self) -> f64 {
        self.bytes - seeding::bytes_of_tokens(SERVICES.len()) as f64
    }
}

/// Over the rounds, the median of a share of each.
fn median(rounds: &[Vec<f64>], share: f64) -> f64 {
    let spread = Spread::of(rounds.iter().map(|round| percentile(round, share)));
    spread.map_or(f64::NAN, |spread| spread.median)
}

/// Over the rounds, half and 99 of a hundred calls.
fn percentiles(rounds: &[Vec<f64>]) -> Value {
    let spread = |share| Spread::of(rounds.iter().map(|round| percentile(round, share)));
    json!({"p50": spread(0.5).map(Spread::json), "p99": spread(0.99).map(Spread::json)})
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    let index = (sorted.len() as f64 * share) as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

fn micros(begun: Instant) -> f64 {
    begun.elapsed().as_secs_f64() * 1e6
}

impl Filled {
    async fn with(sessions: usize, now: UnixTime) -> Outcome<Self> {
        let folder = TempDir::new()?;
        let redis = Redis::start(folder.path())?;
        let empty = redis.number("memory", "used_memory")?;
        let store = seeding::open(&redis.url())?;
        let ids = fill(&store, sessions, now).await?;
        let used = redis.number("memory", "used_memory")?;
        Ok(Self {
            store,
            ids,
            redis,
            shown: Shown {
                sessions,
                bytes: used.saturating_sub(empty) as f64 / sessions.max(1) as f64,
                used,
                reads: Vec::new(),
                cpu: Vec::new(),
                steps: Vec::new(),
            },
            _folder: folder,
        })
    }

    /// One turn of look-ups, none of the same session as the turn before.
    async fn read(&mut self, begin: usize) -> Outcome<()> {
        let service = ServiceName::new("crud_service");
        for id in self.ids.iter().cycle().skip(begin).take(TURN) {
            let key = id.key();
            let begun = Instant::now();
            let reading = self.store.read(&key, &service).await?;
            self.shown
                .reads
                .last_mut()
                .ok_or("no round")?
                .push(micros(begun));
            if !matches!(reading, Reading::Found(_)) {
                return Err("a session that was stored is not found".into());
            }
        }
        Ok(())
    }

    /// One turn of what the renewal asks each second: who is due. Hardly anybody is, however many
    /// there are.
    async fn step(&mut self, now: UnixTime) -> Outcome<()> {
        for _ in 0..TURN {
            let begun = Instant::now();
            self.store.due_before(now, 64).await?;
            self.shown
                .steps
                .last_mut()
                .ok_or("no round")?
                .push(micros(begun));
        }
        Ok(())
    }
}

async fn fill(store: &RedisStore, sessions: usize, now: UnixTime) -> Outcome<Vec<SessionId>> {
    let mut kept = Vec::new();
    let keep_every = (sessions / (CALLS * ROUNDS)).max(1);
    for begin in (0..sessions).step_by(AT_ONCE) {
        let numbers = begin..(begin + AT_ONCE).min(sessions);
        let ids: Result<Vec<_>, _> = numbers.clone().map(|_| SessionId::random()).collect();
        let ids = ids.map_err(|error| error.to_string())?;
        let seeds = numbers.clone().zip(&ids).map(|(number, id)| async move {
            seeding::seed(store, id, number, now, &SERVICES).await?;
            // Spread over eight hours, as logins over a day are.
            let at = now.plus(Duration::from_secs(60 + number as u64 * 29 % 28_800));
            Ok::<(), Box<dyn std::error::Error>>(store.schedule(&id.key(), at).await?)
        });
        futures_util::future::try_join_all(seeds).await?;
        let chosen = numbers
            .zip(ids)
            .filter(|(number, _)| number % keep_every == 0);
        kept.extend(chosen.map(|(_, id)| id));
        if begin % (AT_ONCE * 256) == 0 {
            eprint!("\r{begin} of {sessions} sessions ");
        }
    }
    eprintln!("\r{sessions} of {sessions} sessions ");
    Ok(kept)
}
