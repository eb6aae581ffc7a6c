//! How the store bears many sessions: what a look-up and a step of the due index take with a
//! million sessions beside a thousand, and what a session takes in Redis.

use std::time::{Duration, Instant};

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
/// The services of a session, each with a token.
const SERVICES: [&str; 2] = ["crud_service", "other_service"];

/// Redis with so many sessions.
struct Filled {
    sessions: usize,
    /// What all of them take.
    bytes: u64,
    store: RedisStore,
    /// Some of them, evenly chosen.
    ids: Vec<SessionId>,
    /// Look-ups and steps of the due index, of each round in microseconds, sorted.
    reads: Vec<Vec<f64>>,
    steps: Vec<Vec<f64>>,
    redis: Redis,
    _folder: TempDir,
}

/// Fills a Redis of its own for each number of sessions, and measures them in turns. The table.
///
/// # Errors
/// Redis is missing, or full.
pub fn measure(numbers: &[usize]) -> Outcome<String> {
    let stage = Stage::set()?;
    stage.wait(async {
        let now = SystemClock::default().now();
        let mut all = Vec::new();
        for sessions in numbers {
            all.push(Filled::with(*sessions, now).await?);
        }
        for round in 0..ROUNDS {
            eprint!("\rround {} of {ROUNDS}: look-ups and due index ", round + 1);
            for filled in &mut all {
                let reads = filled.read(round).await?;
                filled.reads.push(reads);
                let steps = filled.step(now).await?;
                filled.steps.push(steps);
            }
        }
        eprintln!();
        table(&all)
    })
}

fn table(all: &[Filled]) -> Outcome<String> {
    let mut text = format!(
        "Real Redis, a session with {} service tokens of {TOKEN} bytes; {ROUNDS} rounds of {CALLS} calls one after the other, medians of the rounds; ratios to the first row within a round\n{:>10}{:>10}{:>12}{:>16}{:>12}{:>10}{:>20}{:>13}{:>20}\n",
        SERVICES.len(),
        "sessions",
        "MiB",
        "bytes each",
        "beyond tokens'",
        "look-up us",
        "p99 us",
        "over the first",
        "due step us",
        "over the first"
    );
    let Some(first) = all.first() else {
        return Ok(text);
    };
    for filled in all {
        let used = filled.redis.number("memory", "used_memory")?;
        let bytes = filled.bytes as f64 / filled.sessions as f64;
        text.push_str(&format!(
            "{:>10}{:>10.0}{:>12.0}{:>16.0}{:>12.1}{:>10.1}{:>20}{:>13.1}{:>20}\n",
            filled.sessions,
            used as f64 / f64::from(1 << 20),
            bytes,
            bytes - seeding::bytes_of_tokens(SERVICES.len()) as f64,
            median(&filled.reads, 0.5),
            median(&filled.reads, 0.99),
            over(&first.reads, &filled.reads),
            median(&filled.steps, 0.5),
            over(&first.steps, &filled.steps),
        ));
    }
    Ok(text)
}

/// Over the rounds, the median of a share of each.
fn median(rounds: &[Vec<f64>], share: f64) -> f64 {
    let spread = Spread::of(rounds.iter().map(|round| percentile(round, share)));
    spread.map_or(f64::NAN, |spread| spread.median)
}

fn over(first: &[Vec<f64>], this: &[Vec<f64>]) -> String {
    let ratios = first.iter().zip(this);
    let ratios = ratios.map(|(first, this)| percentile(this, 0.5) / percentile(first, 0.5));
    Spread::of(ratios).map_or_else(|| "-".into(), Spread::text)
}

fn percentile(sorted: &[f64], share: f64) -> f64 {
    let index = (sorted.len() as f64 * share) as usize;
    sorted.get(index).copied().unwrap_or(f64::NAN)
}

impl Filled {
    async fn with(sessions: usize, now: UnixTime) -> Outcome<Self> {
        let folder = TempDir::new()?;
        let redis = Redis::start(folder.path())?;
        let empty = redis.number("memory", "used_memory")?;
        let store = seeding::open(&redis.url())?;
        let ids = fill(&store, sessions, now).await?;
        Ok(Self {
            sessions,
            bytes: redis.number("memory", "used_memory")?.saturating_sub(empty),
            store,
            ids,
            reads: Vec::new(),
            steps: Vec::new(),
            redis,
            _folder: folder,
        })
    }

    async fn read(&self, round: usize) -> Outcome<Vec<f64>> {
        let service = ServiceName::new("crud_service");
        let mut times = Vec::with_capacity(CALLS);
        for id in self.ids.iter().cycle().skip(round * CALLS).take(CALLS) {
            let key = id.key();
            let begun = Instant::now();
            let reading = self.store.read(&key, &service).await?;
            times.push(begun.elapsed());
            if !matches!(reading, Reading::Found(_)) {
                return Err("a session that was stored is not found".into());
            }
        }
        Ok(sorted(&times))
    }

    /// What the renewal asks each second: who is due. Hardly anybody is, however many there are.
    async fn step(&self, now: UnixTime) -> Outcome<Vec<f64>> {
        let mut times = Vec::with_capacity(CALLS);
        for _ in 0..CALLS {
            let begun = Instant::now();
            self.store.due_before(now, 64).await?;
            times.push(begun.elapsed());
        }
        Ok(sorted(&times))
    }
}

fn sorted(times: &[Duration]) -> Vec<f64> {
    let micros = times.iter().map(|time| time.as_secs_f64() * 1e6);
    let mut micros: Vec<f64> = micros.collect();
    micros.sort_by(f64::total_cmp);
    micros
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
