//! A thousand slow clients and a thousand idle connections, and one that behaves.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::crowd::{Crowd, Habit, Place};
use crate::support::certificates::Authority;
use crate::support::h2::H2Client;
use crate::support::raw::RawClient;
use crate::support::recorder::{Recorder, Reply};
use crate::support::{ITEMS, Installation};

/// For everything, from the first connection to the last look.
const BOUND: Duration = Duration::from_secs(85);
/// How long the healthy client is looked at.
const LOOKING: Duration = Duration::from_secs(40);
/// The longest that it waits for an answer before it counts as not served.
const PATIENCE: Duration = Duration::from_secs(10);

const SLOW: [(usize, Habit); 3] = [
    (560, Habit::DripsItsHead),
    (400, Habit::DripsItsBody),
    (40, Habit::SipsItsAnswer),
];
const IDLE: [(usize, Habit); 4] = [
    (400, Habit::IsSilent),
    (300, Habit::FallsSilent),
    (200, Habit::IsSilentOverTls),
    (100, Habit::IsSilentOverHttp2),
];
const EVERYBODY: usize = 2_000;
/// Those that were turned out are back a moment later.
const NEARLY_EVERYBODY: usize = 1_800;

/// More than the system's buffers take.
const LARGE: usize = 8 << 20;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "thousands of connections: make soak"]
async fn a_healthy_client_is_always_served_beside_a_thousand_slow_and_a_thousand_idle_ones() {
    let look = tokio::time::timeout(BOUND, look_on()).await;
    look.expect("the soak ends in its time");
}

async fn look_on() {
    let upstream = Recorder::start_with(|request| match request.line() {
        "GET /large HTTP/1.1" => {
            let head = format!("HTTP/1.1 200 OK\r\nContent-Length: {LARGE}\r\n\r\n");
            Reply::Bytes([head.into_bytes(), vec![b'x'; LARGE]].concat())
        }
        _ => Reply::ok(""),
    })
    .await;
    let authority = Authority::new();
    let mut tls_port = 0;
    let installation = Installation::start_with(|folder| {
        folder.replace("routes.yaml", "http://localhost:8102", &upstream.url());
        tls_port = folder.listen_tls(&authority);
    })
    .await;
    let browser = installation.logged_in("alice").await;
    let place = Arc::new(Place {
        port: installation.folder.port(),
        tls_port,
        authority,
    });
    let mut crowd = Crowd::default();
    for (count, habit) in SLOW.into_iter().chain(IDLE) {
        crowd.add(count, habit, &place);
    }
    let begin = Instant::now();
    while crowd.present() < EVERYBODY {
        assert!(
            begin.elapsed() < Duration::from_secs(30),
            "only {} of {EVERYBODY} could connect",
            crowd.present()
        );
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let cookie = installation.session_cookie(&browser).unwrap();
    let served = Healthy::start(&place, &cookie).await.look(&crowd).await;
    served.tell(&crowd);
    drop(crowd);
    rests(&installation).await;
}

/// A client as it should be: a new connection, a kept one with a session, and one of HTTP/2.
struct Healthy<'p> {
    place: &'p Place,
    host: String,
    with_session: String,
    kept: RawClient,
    http2: H2Client,
}

struct Served {
    times: Vec<Duration>,
    failures: Vec<String>,
    fewest: usize,
}

impl<'p> Healthy<'p> {
    async fn start(place: &'p Place, cookie: &str) -> Self {
        let host = format!("localhost:{}", place.port);
        Self {
            with_session: format!(
                "GET {ITEMS} HTTP/1.1\r\nHost: {host}\r\nSec-Fetch-Site: same-origin\r\n\
                 Cookie: bff_session={cookie}\r\n\r\n"
            ),
            kept: RawClient::connect(place.port).await,
            http2: H2Client::connect(&place.authority, place.tls_port).await,
            place,
            host,
        }
    }

    async fn look(mut self, crowd: &Crowd) -> Served {
        let mut served = Served {
            times: Vec::new(),
            failures: Vec::new(),
            fewest: EVERYBODY,
        };
        let begin = Instant::now();
        while begin.elapsed() < LOOKING {
            for kind in ["new", "session", "http2"] {
                let asked = Instant::now();
                match tokio::time::timeout(PATIENCE, self.ask(kind)).await {
                    Ok(200) => served.times.push(asked.elapsed()),
                    Ok(status) => served.failures.push(format!("{kind}: {status}")),
                    Err(_) => served.failures.push(format!("{kind}: no answer")),
                }
            }
            served.fewest = served.fewest.min(crowd.present());
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        served
    }

    async fn ask(&mut self, kind: &str) -> u16 {
        match kind {
            "new" => {
                let mut client = RawClient::connect(self.place.port).await;
                client.get("/", &self.host).await.status
            }
            "session" => {
                self.kept.send(&self.with_session).await;
                let answer = self.kept.answer().await;
                if answer.header("connection") == Some("close") {
                    self.kept = RawClient::connect(self.place.port).await;
                }
                answer.status
            }
            _ => {
                if self.http2.ends_within(Duration::ZERO).await {
                    self.http2 =
                        H2Client::connect(&self.place.authority, self.place.tls_port).await;
                }
                let uri = format!("https://localhost:{}/", self.place.tls_port);
                self.http2.get(&uri).await.status()
            }
        }
    }
}

impl Served {
    fn tell(mut self, crowd: &Crowd) {
        self.times.sort_unstable();
        let at = |share: f64| {
            let last = self.times.len().saturating_sub(1) as f64;
            self.times
                .get((last * share) as usize)
                .copied()
                .unwrap_or_default()
        };
        let all = self.times.len() + self.failures.len();
        eprintln!(
            "soak: {} of {all} requests of the healthy client served beside at least {} slow and idle \
             connections (of which {} were ended by the gateway and came back); \
             median {:?}, 99 % {:?}, slowest {:?}",
            self.times.len(),
            self.fewest,
            crowd.turned_out(),
            at(0.5),
            at(0.99),
            at(1.0)
        );
        assert!(self.failures.is_empty(), "not served: {:?}", self.failures);
        assert!(all > 100, "{all} requests are no look");
        assert!(
            self.fewest >= NEARLY_EVERYBODY,
            "{} were there",
            self.fewest
        );
        assert!(crowd.turned_out() > 500, "slow heads have a deadline");
    }
}

/// Nothing is left behind once they are gone.
async fn rests(installation: &Installation) {
    let health = installation.folder.admin_url("/health");
    loop {
        let answer = reqwest::get(&health).await.unwrap().text().await.unwrap();
        let health: serde_json::Value = serde_json::from_str(&answer).unwrap();
        if health["requests_in_flight"] == 0 {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
