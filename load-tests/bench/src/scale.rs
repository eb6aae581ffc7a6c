//! How the store bears many sessions: what a look-up and a step of the due index take with a
//! million sessions beside a thousand, and what a session takes in Redis.

use std::time::{Duration, Instant};

use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::service::ServiceName;
use tokenbridge_bridge::session::SessionId;
use tokenbridge_session_store::{Clock, RedisStore, SessionStore, SystemClock};

use crate::Outcome;
use crate::seeding::{self, TOKEN};
use crate::stage::Stage;

/// Sessions that are put in at the same time.
const AT_ONCE: usize = 64;
/// Calls of each kind that are timed.
const CALLS: usize = 2_000;
/// The services of a session, each with a token.
const SERVICES: [&str; 2] = ["crud_service", "other_service"];

struct Row {
    sessions: usize,
    bytes: f64,
    read: Duration,
    due: Duration,
}

/// Fills a Redis of its own for each number of sessions, and measures. The table.
///
/// # Errors
/// Redis is missing, or full.
pub fn measure(numbers: &[usize]) -> Outcome<String> {
    let mut text = format!(
        "Real Redis; a session has two service tokens of {TOKEN} bytes. Medians of {CALLS} calls, one after the other.\n{:>12}{:>18}{:>26}{:>14}{:>22}\n",
        "sessions",
        "bytes a session",
        "beyond the tokens' own",
        "look-up us",
        "due index, us a step"
    );
    let mut first: Option<Row> = None;
    for sessions in numbers {
        let row = row(*sessions)?;
        text.push_str(&format!(
            "{:>12}{:>18.0}{:>26.0}{:>14.1}{:>22.1}\n",
            row.sessions,
            row.bytes,
            row.bytes - (SERVICES.len() * TOKEN) as f64,
            row.read.as_secs_f64() * 1e6,
            row.due.as_secs_f64() * 1e6,
        ));
        let first = first.get_or_insert(Row { ..row });
        text.push_str(&format!(
            "{:>56}{:>12.2} x{:>20.2} x\n",
            "over the first row:",
            row.read.as_secs_f64() / first.read.as_secs_f64(),
            row.due.as_secs_f64() / first.due.as_secs_f64(),
        ));
    }
    Ok(text)
}

fn row(sessions: usize) -> Outcome<Row> {
    let stage = Stage::set()?;
    let empty = stage.redis.number("memory", "used_memory")?;
    let store = seeding::open(&stage.redis.url())?;
    stage.wait(async {
        let now = SystemClock::default().now();
        let ids = fill(&store, sessions, now).await?;
        let full = stage.redis.number("memory", "used_memory")?;
        Ok(Row {
            sessions,
            bytes: (full - empty) as f64 / sessions as f64,
            read: reads(&store, &ids).await?,
            due: steps(&store, now).await?,
        })
    })
}

async fn fill(store: &RedisStore, sessions: usize, now: UnixTime) -> Outcome<Vec<SessionId>> {
    let mut kept = Vec::new();
    let keep_every = (sessions / CALLS).max(1);
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

async fn reads(store: &RedisStore, ids: &[SessionId]) -> Outcome<Duration> {
    let service = ServiceName::new("crud_service");
    let mut times = Vec::with_capacity(CALLS);
    for id in ids.iter().cycle().take(CALLS) {
        let key = id.key();
        let begun = Instant::now();
        let reading = store.read(&key, &service).await?;
        times.push(begun.elapsed());
        if !matches!(reading, tokenbridge_bridge::session::Reading::Found(_)) {
            return Err("a session that was stored is not found".into());
        }
    }
    Ok(median(times))
}

/// What the renewal asks each second: who is due. Hardly anybody is, however many there are.
async fn steps(store: &RedisStore, now: UnixTime) -> Outcome<Duration> {
    let mut times = Vec::with_capacity(CALLS);
    for _ in 0..CALLS {
        let begun = Instant::now();
        store.due_before(now, 64).await?;
        times.push(begun.elapsed());
    }
    Ok(median(times))
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}
