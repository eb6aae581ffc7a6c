//! What it takes to find the due sessions among a million beside a thousand, and what a session
//! takes in Redis. The others are entries of the index alone: their sessions are not looked at.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::session::SessionId;
use tokenbridge_session_store::{Clock, RedisStore, SessionStore, SystemClock};

use crate::Outcome;
use crate::report::round;
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

/// What a Redis showed.
pub struct DueIndex {
    /// How many entries there were, and the median of the looks among them.
    looks: Vec<(usize, Duration)>,
    /// Of a session, its indexes included.
    bytes: f64,
}

/// Measures in a Redis of its own for each number of entries.
///
/// # Errors
/// Redis is missing, or full.
pub fn measure(numbers: &[usize]) -> Outcome<DueIndex> {
    let look = |entries: &usize| Ok((*entries, looks_among(*entries)?));
    Ok(DueIndex {
        looks: numbers.iter().map(look).collect::<Outcome<_>>()?,
        bytes: bytes_of_a_session()?,
    })
}

impl DueIndex {
    /// Entries, microseconds of a look, and how many times that is the first one's.
    fn rows(&self) -> impl Iterator<Item = (usize, f64, f64)> {
        let first = self.looks.first().map(|(_, look)| look.as_secs_f64());
        let first = first.unwrap_or(f64::NAN);
        self.looks.iter().map(move |(entries, look)| {
            let look = look.as_secs_f64();
            (*entries, look * 1e6, look / first)
        })
    }

    fn beyond_tokens(&self) -> f64 {
        self.bytes - seeding::bytes_of_tokens(SERVICES.len()) as f64
    }

    /// For people.
    pub fn table(&self) -> String {
        let mut text = format!(
            "Due index in a real Redis, {DUE} sessions due; medians of {LOOKS} looks.\n{:>12}{:>16}{:>12}\n",
            "entries", "a look, us", "ratio"
        );
        for (entries, look, ratio) in self.rows() {
            text.push_str(&format!("{entries:>12}{look:>16.1}{ratio:>10.2} x\n"));
        }
        text.push_str(&format!(
            "A session with {} service tokens of {TOKEN} bytes and what the login brought takes {:.0} bytes in Redis, {:.0} beyond its tokens' own {} (of {WEIGHED} sessions, their indexes included).\n",
            SERVICES.len(),
            self.bytes,
            self.beyond_tokens(),
            seeding::bytes_of_tokens(SERVICES.len())
        ));
        text
    }

    /// For machines.
    pub fn json(&self) -> Value {
        let looks = self.rows().map(|(entries, look, ratio)| {
            json!({"entries": entries, "look_us": round(look), "look_over_the_first": round(ratio)})
        });
        json!({
            "due_index": looks.collect::<Vec<_>>(),
            "bytes_per_session": self.bytes.round(),
            "bytes_per_session_beyond_tokens": self.beyond_tokens().round(),
        })
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_document_holds_each_ratio_and_what_a_session_takes_beyond_its_tokens() {
        let shown = DueIndex {
            looks: vec![
                (1_000, Duration::from_micros(50)),
                (1_000_000, Duration::from_micros(60)),
            ],
            bytes: seeding::bytes_of_tokens(SERVICES.len()) as f64 + 700.0,
        };
        let told = shown.json();
        assert_eq!(told["due_index"][1]["entries"], 1_000_000);
        assert_eq!(told["due_index"][1]["look_over_the_first"], 1.2);
        assert_eq!(told["bytes_per_session_beyond_tokens"], 700.0);
        assert!(shown.table().contains("1.20 x"));
    }
}
