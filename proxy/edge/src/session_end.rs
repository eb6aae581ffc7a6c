//! Waits for the end of a session that something open belongs to: by a notice, by what the store
//! says where notices were missed, or by the clock. A store that does not answer ends nothing; the
//! end of a session's lifetime needs no store.

use std::sync::Arc;
use std::time::Duration;

use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::ending::Ending;
use tokenbridge_bridge::session::{IdleTimeout, SessionKey};
use tokenbridge_session_store::{Clock, Described, SessionStore, StoreError};
use tokio::time::Instant;

use crate::epochs::Epoch;
use crate::live_sessions::{LiveSessions, Over};

/// A store that failed is asked again after this long.
pub(crate) const ASK_AGAIN: Duration = Duration::from_secs(5);
/// Whatever is open is in doubt at once when notices were lost; it asks the store one after another.
pub(crate) const SPREAD_MILLISECONDS: u64 = 1_000;
/// How exactly the clock's end is kept.
const TICK: Duration = Duration::from_millis(100);

/// A session as it was when a request of it was admitted.
#[derive(Clone, Debug)]
pub(crate) struct Admitted {
    pub(crate) key: SessionKey,
    /// From before the session was looked up.
    pub(crate) epoch: Epoch,
    /// When it ends whatever happens.
    pub(crate) expires_at: UnixTime,
    /// When it is idle, unless it was used since.
    pub(crate) idle_at: UnixTime,
}

/// Where the end of a session shows.
#[derive(Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub(crate) sessions: &'a Arc<LiveSessions>,
    pub(crate) store: &'a dyn SessionStore,
    pub(crate) clock: &'a dyn Clock,
    pub(crate) idle: IdleTimeout,
}

/// What the store says of a session.
pub(crate) enum Look {
    Alive(Ending),
    /// It is over: the words for a page.
    Over(&'static str),
    Replaced,
    /// Nobody here can say.
    Unreadable,
}

/// Asks the store.
///
/// # Errors
/// It does not answer.
pub(crate) async fn look(sources: Sources<'_>, key: &SessionKey) -> Result<Look, StoreError> {
    let idle = sources.idle;
    let now = sources.clock.now();
    Ok(match sources.store.describe(key).await? {
        Described::Absent => Look::Over("logout"),
        Described::Replaced => Look::Replaced,
        Described::Unreadable => Look::Unreadable,
        Described::Found(found) => match found.facts.check_alive(found.last_seen, idle, now) {
            Ok(()) => Look::Alive(Ending::of(&found.facts, found.last_seen, idle)),
            Err(_) => Look::Over("expired"),
        },
    })
}

/// Resolves once the session is over.
pub(crate) async fn over(sources: Sources<'_>, admitted: Admitted) -> Over {
    let key = admitted.key;
    let mut watch = sources.sessions.watch(key);
    let mut idle_at = admitted.idle_at;
    let mut doubts = 0;
    let mut ask_at = (sources.sessions.epoch(&key) != admitted.epoch).then(Instant::now);
    loop {
        let happened = watch.happened();
        if let Some(over) = happened.over {
            return over;
        }
        if happened.doubts != doubts {
            doubts = happened.doubts;
            ask_at = Some(Instant::now() + spread(&key));
        }
        let now = sources.clock.now();
        if now >= admitted.expires_at {
            return Over::Ended;
        }
        let doubted = ask_at.is_some_and(|at| at <= Instant::now());
        if now < idle_at && !doubted {
            let pause = pause(now, idle_at.min(admitted.expires_at), ask_at);
            tokio::select! {
                () = watch.changed() => {}
                () = tokio::time::sleep(pause) => {}
            }
            continue;
        }
        let looked = tokio::select! {
            looked = look(sources, &key) => looked,
            () = watch.changed() => continue,
        };
        (ask_at, idle_at) = match looked {
            Ok(Look::Alive(ending)) => (None, ending.ends_at),
            Ok(Look::Over(_)) => return Over::Ended,
            Ok(Look::Replaced) => return Over::Replaced,
            Ok(Look::Unreadable) | Err(_) => {
                (Some(Instant::now() + ASK_AGAIN), now.plus(ASK_AGAIN))
            }
        };
    }
}

/// How long nothing has to be looked at. The clock knows seconds, so the last one is halved often.
fn pause(now: UnixTime, end: UnixTime, ask_at: Option<Instant>) -> Duration {
    let left = end.since(now);
    let by_clock = left.saturating_sub(Duration::from_secs(1)).max(TICK);
    let by_doubt = ask_at.map(|at| at.saturating_duration_since(Instant::now()));
    by_doubt.map_or(by_clock, |by_doubt| by_clock.min(by_doubt))
}

/// A moment of the session's own: its key is a hash.
fn spread(key: &SessionKey) -> Duration {
    let [first, second, ..] = *key.as_bytes();
    let number = u64::from(u16::from_be_bytes([first, second]));
    Duration::from_millis(number % SPREAD_MILLISECONDS)
}

#[cfg(test)]
pub(crate) mod tests;
