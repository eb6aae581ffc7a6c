//! `GET /auth/events`: server-sent events that tell a page what happens to its session. Listening
//! does not extend it.

use std::time::Duration;

use bytes::Bytes;
use http::{StatusCode, header};
use pingora_proxy::Session as HttpSession;
use serde_json::json;
use tokenbridge_bridge::UnixTime;
use tokenbridge_bridge::ending::Ending;
use tokenbridge_bridge::rejection::{Refusal, Rejection};
use tokenbridge_bridge::session::SessionKey;

use super::{Refused, is_asked_for};
use crate::answer::Answer;
use crate::exchange::Exchange;
use crate::gateway::Gateway;
use crate::live_sessions::{Happened, Over, SessionWatch};
use crate::session_end::{ASK_AGAIN, Look, SPREAD_MILLISECONDS, look};

/// One session's pages together; the script opens one stream for all tabs.
const WATCHERS: usize = 100;
/// A comment now and then keeps boxes in between from giving the connection up.
const SILENCE: Duration = Duration::from_secs(15);

/// What a page is told from now on.
pub(crate) struct EventStream {
    key: SessionKey,
    watch: SessionWatch,
    seen: Happened,
    ending: Ending,
    /// The end that the page was told of.
    told: Option<UnixTime>,
    /// When the store is asked again.
    look_at: UnixTime,
    tells_renewals: bool,
}

/// What comes next on a stream.
enum Step {
    Send(String),
    /// The last event.
    Finish(String),
}

/// Opens the stream; the answer to go with it has no body of its own.
pub(super) async fn answer(gateway: &Gateway, exchange: &mut Exchange) -> Result<Answer, Refused> {
    let Some(key) = exchange.session else {
        let why = "the request has no session cookie";
        return Err(Refusal::new(Rejection::SessionMissing, why).into());
    };
    // First the watch, then the look: an end in between is seen by one of the two.
    let watch = gateway.frontend.live_sessions.watch_within(key, WATCHERS);
    let watch = watch.ok_or_else(|| {
        let why = format!("{WATCHERS} streams of one session are open");
        // A client that is gone is noticed when it is written to.
        Refusal::retry_after(Rejection::TooManyRequests, why, SILENCE)
    })?;
    let ending = ending(gateway, &key).await?;
    let tells_renewals = is_asked_for(exchange.query(), "renewed");
    exchange.events = Some(Box::new(EventStream {
        key,
        watch,
        seen: Happened::default(),
        ending,
        told: None,
        look_at: ending.warn_at,
        tells_renewals,
    }));
    exchange.remark = Some("session events".into());
    Ok(Answer::empty(StatusCode::OK)
        .with(header::CONTENT_TYPE, "text/event-stream")
        .with(header::VARY, "Cookie, Origin")
        // nginx would hold events back.
        .with(header::HeaderName::from_static("x-accel-buffering"), "no"))
}

/// When a session ends that is alive.
async fn ending(gateway: &Gateway, key: &SessionKey) -> Result<Ending, Refusal> {
    match look(gateway.frontend.sources(&*gateway.store), key)
        .await
        .map_err(Refusal::from)?
    {
        Look::Alive(ending) => Ok(ending),
        Look::Over(_) => {
            let why = "the store has no such session, or it is over";
            Err(Refusal::deleting_cookie(Rejection::SessionExpired, why))
        }
        Look::Replaced => {
            let why = "a newer login replaced it";
            Err(Refusal::new(Rejection::SessionReplaced, why))
        }
        Look::Unreadable => {
            let why = "no key in session.encryption_keys opens the session";
            Err(Refusal::new(Rejection::SessionMissing, why))
        }
    }
}

impl EventStream {
    /// Tells until the session is over, the client goes away or the gateway stops.
    ///
    /// # Errors
    /// The client is gone.
    pub(crate) async fn run(
        mut self,
        gateway: &Gateway,
        http: &mut HttpSession,
    ) -> pingora_core::Result<()> {
        // Replicas that stop send their pages to the others, but not all at the same moment.
        let retry = 1_000 + gateway.ids.next_u64() % 2_000;
        write(http, format!("retry: {retry}\n\n"), false).await?;
        loop {
            let step = tokio::select! {
                biased;
                () = gateway.frontend.drain.begun() => Step::Finish(String::new()),
                step = self.next(gateway) => step,
                gone = http.as_downstream_mut().read_body_or_idle(true) => {
                    return gone.map(|_| ()).map_err(|error| error.into_down());
                }
            };
            match step {
                Step::Send(text) => write(http, text, false).await?,
                Step::Finish(text) => return write(http, text, true).await,
            }
        }
    }

    async fn next(&mut self, gateway: &Gateway) -> Step {
        loop {
            let happened = self.watch.happened();
            if let Some(over) = happened.over {
                // The renewal service ends sessions whose time has come.
                let expired = gateway.frontend.clock.now() >= self.ending.ends_at;
                return logout(match over {
                    Over::Ended if expired => "expired",
                    Over::Ended => "logout",
                    Over::Replaced => "replaced",
                });
            }
            let doubted = happened.doubts != self.seen.doubts;
            let renewed = happened.renewals != self.seen.renewals && self.tells_renewals;
            self.seen = happened;
            if renewed {
                let service = self.seen.renewed.as_ref().map(|name| name.as_str());
                return Step::Send(event("renewed", &json!({ "service": service })));
            }
            if doubted {
                let pause = gateway.ids.next_u64() % SPREAD_MILLISECONDS;
                tokio::time::sleep(Duration::from_millis(pause)).await;
                self.look_at = UnixTime::default();
            }
            let now = gateway.frontend.clock.now();
            if now >= self.look_at
                && let Some(step) = self.look_again(gateway, now).await
            {
                return step;
            }
            let pause = self.look_at.since(now).min(SILENCE);
            tokio::select! {
                () = self.watch.changed() => {}
                () = tokio::time::sleep(pause) => {
                    if pause == SILENCE {
                        return Step::Send(":\n\n".into());
                    }
                }
            }
        }
    }

    /// Asks the store afresh: use may have moved the end.
    async fn look_again(&mut self, gateway: &Gateway, now: UnixTime) -> Option<Step> {
        self.ending = match look(gateway.frontend.sources(&*gateway.store), &self.key).await {
            Ok(Look::Alive(ending)) => ending,
            // A store forgets what is over.
            Ok(Look::Over(_)) if now >= self.ending.ends_at => return Some(logout("expired")),
            Ok(Look::Over(reason)) => return Some(logout(reason)),
            Ok(Look::Replaced) => return Some(logout("replaced")),
            Ok(Look::Unreadable) | Err(_) => {
                self.look_at = now.plus(ASK_AGAIN);
                return None;
            }
        };
        let Ending { warn_at, ends_at } = self.ending;
        let told = self.told == Some(ends_at);
        self.look_at = if told || now >= warn_at {
            ends_at
        } else {
            warn_at
        };
        if told || now < warn_at {
            return None;
        }
        self.told = Some(ends_at);
        let document = json!({ "expires_at": ends_at.seconds() });
        Some(Step::Send(event("expires_soon", &document)))
    }
}

fn logout(reason: &str) -> Step {
    Step::Finish(event("logout", &json!({ "reason": reason })))
}

fn event(name: &str, data: &serde_json::Value) -> String {
    format!("event: {name}\ndata: {data}\n\n")
}

async fn write(http: &mut HttpSession, text: String, end: bool) -> pingora_core::Result<()> {
    let written = http.write_response_body(Some(Bytes::from(text)), end);
    written.await.map_err(|error| error.into_down())
}
