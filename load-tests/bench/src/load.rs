//! Load: as fast as it is answered, or at a fixed rate.
//!
//! | module | owns |
//! |---|---|
//! | [`head`] | reading the head of an HTTP/1 message |
//! | [`schedule`] | when a request is to be sent, and how long its answer took |
//! | `http1`, `http2` | one request after the other |
//! | `tls` | a client's TLS connection |

pub mod head;
mod http1;
mod http2;
pub mod schedule;
mod tls;

use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::Barrier;

use crate::Outcome;
use crate::scheduling::Patient;
pub use schedule::Pace;
use schedule::Schedule;

/// Streams at the same time on one HTTP/2 connection.
const STREAMS: usize = 8;

/// What carries the requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wire {
    /// HTTP/1.1 in the clear.
    Plain,
    /// HTTP/1.1 over TLS.
    Tls,
    /// HTTP/2 over TLS.
    TlsHttp2,
}

impl Wire {
    /// What a client asks for in its handshake (RFC 7301); `None` without TLS.
    const fn alpn(self) -> Option<&'static [u8]> {
        match self {
            Self::Plain => None,
            Self::Tls => Some(b"http/1.1"),
            Self::TlsHttp2 => Some(b"h2"),
        }
    }
}

/// The cipher suite that a server chooses for a client of this wire; `None` without TLS.
///
/// # Errors
/// Nobody listens there, or the handshake fails.
pub fn cipher_suite(address: SocketAddr, wire: Wire) -> Outcome<Option<String>> {
    let Some(alpn) = wire.alpn() else {
        return Ok(None);
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(tls::suite(address, alpn)).map(Some)
}

/// One request, sent over and over.
#[derive(Clone, Debug)]
pub struct Ask {
    /// The method.
    pub method: &'static str,
    /// The path.
    pub path: String,
    /// Fields beside Host and Content-Length.
    pub fields: Vec<(String, String)>,
    /// More fields, which go round over the connections: a session of its own for each.
    pub tickets: Vec<Vec<(String, String)>>,
    /// The body.
    pub body: Bytes,
    /// The status that is the right answer.
    pub status: u16,
}

impl Ask {
    /// The request as a lane sends it.
    fn of_lane(&self, lane: usize, port: u16) -> Self {
        let mut ask = self.clone();
        ask.fields
            .insert(0, ("Host".into(), format!("localhost:{port}")));
        let tickets = self
            .tickets
            .iter()
            .cycle()
            .nth(lane % self.tickets.len().max(1));
        ask.fields.extend(tickets.into_iter().flatten().cloned());
        ask
    }
}

/// Where a request is sent, and how often.
#[derive(Clone, Debug)]
pub struct Load {
    /// Where to.
    pub address: SocketAddr,
    /// Over what.
    pub wire: Wire,
    /// Requests at the same time.
    pub connections: usize,
    /// For how long before anything is measured.
    pub warm_up: Duration,
    /// When.
    pub pace: Pace,
    /// For how long, at most.
    pub time: Duration,
    /// How many, at most.
    pub requests: u64,
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Answered {
    /// Right answers.
    pub right: u64,
    /// Wrong answers and broken connections.
    pub wrong: u64,
    /// How long it took.
    pub elapsed: Duration,
    /// Of each request, in microseconds, sorted.
    pub latencies: Vec<u32>,
}

impl Answered {
    /// Right answers per second.
    pub fn rate(&self) -> f64 {
        self.right as f64 / self.elapsed.as_secs_f64().max(1e-9)
    }

    /// A latency that `share` of all requests did not exceed, in microseconds.
    pub fn percentile(&self, share: f64) -> f64 {
        let last = self.latencies.len().saturating_sub(1);
        let index = (self.latencies.len() as f64 * share) as usize;
        self.latencies
            .get(index.min(last))
            .map_or(f64::NAN, |micros| f64::from(*micros))
    }
}

/// One of the requests that are under way at the same time.
enum Lane {
    Http1(Box<http1::Connection>),
    Http2(Box<http2::Stream>),
}

impl Lane {
    /// Sends once; whether the answer was right, `None` where nothing more can be sent.
    async fn exchange(&mut self) -> Option<bool> {
        match self {
            Self::Http1(connection) => connection.exchange().await.ok(),
            Self::Http2(stream) => stream.exchange().await.ok(),
        }
    }
}

/// The stretches of a load, which all lanes begin together.
struct Stretches {
    warm_up: Schedule,
    measured: Schedule,
    gate: Barrier,
}

impl Load {
    /// Sends requests until time or number is up. `observe` is called right before the measured
    /// stretch, once connections are open and warm, and right after it.
    ///
    /// # Errors
    /// No connection can be had.
    pub fn run(&self, ask: &Ask, observe: &mut dyn FnMut()) -> Outcome<Answered> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        // At a fixed rate there is room for everybody, and a late generator would be late to look.
        let is_peak = matches!(self.pace, Pace::Unbounded) && self.requests == u64::MAX;
        let _patient = is_peak.then(Patient::begin).transpose()?;
        tokio::task::LocalSet::new().block_on(&runtime, self.send(ask, observe))
    }

    async fn send(&self, ask: &Ask, observe: &mut dyn FnMut()) -> Outcome<Answered> {
        let lanes = self.open(ask).await?;
        let count = lanes.len() as u32;
        let stretches = Rc::new(Stretches {
            warm_up: Schedule::new(Pace::Unbounded, self.warm_up, u64::MAX, count),
            measured: Schedule::new(self.pace, self.time, self.requests, count),
            gate: Barrier::new(lanes.len() + 1),
        });
        let mut tasks = Vec::new();
        for (number, lane) in lanes.into_iter().enumerate() {
            let walk = walk(lane, number as u32, stretches.clone());
            tasks.push(tokio::task::spawn_local(walk));
        }
        stretches.warm_up.begin();
        stretches.gate.wait().await;
        stretches.gate.wait().await;
        observe();
        stretches.measured.begin();
        stretches.gate.wait().await;
        for task in tasks {
            task.await?;
        }
        let answered = stretches.measured.answered();
        observe();
        Ok(answered)
    }

    async fn open(&self, ask: &Ask) -> Outcome<Vec<Lane>> {
        let mut lanes: Vec<Lane> = Vec::new();
        while lanes.len() < self.connections {
            let stream = tls::open(self.address, self.wire).await?;
            let ask = ask.of_lane(lanes.len(), self.address.port());
            match self.wire {
                Wire::Plain | Wire::Tls => {
                    let connection = http1::Connection::new(stream, &ask);
                    lanes.push(Lane::Http1(Box::new(connection)));
                }
                Wire::TlsHttp2 => {
                    let count = STREAMS.min(self.connections - lanes.len());
                    let streams = http2::streams(stream, &ask, count).await?;
                    lanes.extend(
                        streams
                            .into_iter()
                            .map(|stream| Lane::Http2(Box::new(stream))),
                    );
                }
            }
        }
        Ok(lanes)
    }
}

async fn walk(mut lane: Lane, number: u32, stretches: Rc<Stretches>) {
    stretches.gate.wait().await;
    let mut open = stretch(&mut lane, number, &stretches.warm_up).await;
    stretches.gate.wait().await;
    stretches.gate.wait().await;
    if open {
        open = stretch(&mut lane, number, &stretches.measured).await;
    }
    if !open && let Some(turn) = stretches.measured.turn(number, 0).await {
        stretches.measured.done(&turn, false);
    }
}

/// Sends for one stretch; whether more can be sent. A connection that breaks counts as wrong.
async fn stretch(lane: &mut Lane, number: u32, schedule: &Schedule) -> bool {
    for request in 0.. {
        let Some(turn) = schedule.turn(number, request).await else {
            return true;
        };
        let answer = lane.exchange().await;
        schedule.done(&turn, answer == Some(true));
        if answer.is_none() {
            return false;
        }
    }
    true
}
