//! What it takes to find the due sessions among a million beside a thousand, and what a session
//! takes in Redis. The others are entries of the index alone: their sessions are not looked at.

use std::time::{Duration, Instant};

use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::session::SessionId;
use tokenbridge_session_store::{Clock, RedisStore, SessionStore, SystemClock};

use crate::Outcome;
use crate::seeding::{self, TOKEN};
use crate::stage::Stage;

/// Entries that are put in at the same time.
const AT_ONCE: usize = 512;
/// Sessions that are due.
const DUE: usize = 50;
/// Looks that are timed, and looks before them.
const LOOKS: usize = 2_000;
const WARMING: usize = 200;
/// The services of a session, each with a token.
const SERVICES: [&str; 2] = ["crud_service", "other_service"];
/// Sessions by which the size of one is measured.
const WEIGHED: usize = 5_000;

/// Measures in a Redis of its own for each number of entries. The table.
///
/// # Errors
/// Redis is missing, or full.
pub fn measure(numbers: &[usize]) -> Outcome<String> {
    let mut text = format!(
        "Due index in a real Redis, {DUE} sessions due; medians of {LOOKS} looks.\n{:>12}{:>16}{:>12}\n",
        "entries", "a look, us", "ratio"
    );
    let mut first = None;
    for entries in numbers {
        let look = looks_among(*entries)?;
        let first = *first.get_or_insert(look);
        text.push_str(&format!(
            "{entries:>12}{:>16.1}{:>10.2} x\n",
            look.as_secs_f64() * 1e6,
            look.as_secs_f64() / first.as_secs_f64()
        ));
    }
    let bytes = bytes_of_a_session()?;
    let tokens = seeding::bytes_of_tokens(SERVICES.len());
    text.push_str(&format!(
        "A session with {} service tokens of {TOKEN} bytes and what the login brought takes {bytes:.0} bytes in Redis, {:.0} beyond its tokens' own {tokens} (of {WEIGHED} sessions, their indexes included).\n",
        SERVICES.len(),
        bytes - tokens as f64
    ));
    Ok(text)
}

fn looks_among(entries: usize) -> Outcome<Duration> {
    let stage = Stage::set()?;
    let store = seeding::open(&stage.redis.url())?;
    stage.wait(async {
        let now = SystemClock::default().now();
        for begin in (0..entries.saturating_sub(DUE)).step_by(AT_ONCE) {
            let entered = (begin..(begin + AT_ONCE).min(entries - DUE)).map(|number| {
                // Spread over eight hours, as logins over a day are.
                enter(
                    &store,
                    now.plus(Duration::from_secs(600 + number as u64 * 29 % 28_800)),
                )
            });
            futures_util::future::try_join_all(entered).await?;
            if begin % (AT_ONCE * 64) == 0 {
                eprint!("\r{begin} of {entries} entries ");
            }
        }
        eprintln!("\r{entries} of {entries} entries ");
        for number in 0..DUE {
            let id = SessionId::random().map_err(|error| error.to_string())?;
            seeding::seed(&store, &id, number, now, &SERVICES).await?;
            store
                .schedule(&id.key(), now.minus(Duration::from_secs(1)))
                .await?;
        }
        looks(&store, now).await
    })
}

async fn enter(store: &RedisStore, at: UnixTime) -> Outcome<()> {
    let id = SessionId::random().map_err(|error| error.to_string())?;
    Ok(store.schedule(&id.key(), at).await?)
}

async fn looks(store: &RedisStore, now: UnixTime) -> Outcome<Duration> {
    let mut times = Vec::with_capacity(LOOKS);
    for look in 0..WARMING + LOOKS {
        let begun = Instant::now();
        let due = store.due_before(now, DUE * 2).await?;
        if look >= WARMING {
            times.push(begun.elapsed());
        }
        if due.len() != DUE {
            return Err(format!("{} sessions are due, not {DUE}", due.len()).into());
        }
    }
    times.sort_unstable();
    Ok(times.get(times.len() / 2).copied().unwrap_or_default())
}

fn bytes_of_a_session() -> Outcome<f64> {
    let stage = Stage::set()?;
    let store = seeding::open(&stage.redis.url())?;
    stage.wait(async {
        let now = SystemClock::default().now();
        let empty = stage.redis.number("memory", "used_memory")?;
        for number in 0..WEIGHED {
            let id = SessionId::random().map_err(|error| error.to_string())?;
            seeding::seed(&store, &id, number, now, &SERVICES).await?;
        }
        let full = stage.redis.number("memory", "used_memory")?;
        Ok((full - empty) as f64 / WEIGHED as f64)
    })
}
