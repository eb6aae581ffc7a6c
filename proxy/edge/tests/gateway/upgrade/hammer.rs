//! Clients that ask without a pause, each in its own way; not one request may fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::Request;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;

use crate::support::certificates::Authority;
use crate::support::h2::H2Client;
use crate::support::live_upstream::fields_of_page;
use crate::support::raw::RawClient;
use crate::support::{ITEMS, Installation};

const PATIENCE: Duration = Duration::from_secs(60);
const ECHO: &str = "/api/v1/crud/echo";
const BODY: &str = "Content-Type: application/json\r\nContent-Length: 12\r\n\r\n{\"name\":\"a\"}";

/// What each of them knows.
struct Target {
    port: u16,
    tls: u16,
    asked: u16,
    authority: Authority,
    fields: String,
    csrf: String,
    cookie: String,
    over: AtomicBool,
}

/// The clients, and how often each was answered.
pub(super) struct Hammer {
    target: Arc<Target>,
    clients: Vec<(&'static str, Arc<AtomicU64>, JoinHandle<()>)>,
}

impl Hammer {
    /// Begins, with the session of a user.
    pub(super) async fn start(
        installation: &Installation,
        authority: Authority,
        (tls, asked): (u16, u16),
    ) -> Self {
        let browser = installation.logged_in("alice").await;
        let cookie = installation.session_cookie(&browser).unwrap();
        let token = browser.csrf_token(&installation.url("/")).await.unwrap();
        let target = Arc::new(Target {
            port: installation.folder.port(),
            tls,
            asked,
            authority,
            fields: fields_of_page(installation.folder.public_url(), &cookie),
            csrf: token.unwrap(),
            cookie,
            over: AtomicBool::new(false),
        });
        let mut hammer = Self {
            target,
            clients: Vec::new(),
        };
        for _ in 0..2 {
            hammer.add("new connections, reads", |target, count| {
                new_connections(target, count, Kind::Read)
            });
            hammer.add("new connections, writes", |target, count| {
                new_connections(target, count, Kind::Write)
            });
            hammer.add("kept connections, reads", |target, count| {
                kept_connections(target, count, Kind::Read)
            });
            hammer.add("kept connections, writes", |target, count| {
                kept_connections(target, count, Kind::Write)
            });
        }
        hammer.add("new connections over TLS", over_tls);
        hammer.add("kept connections over HTTP/2", over_http2);
        hammer.add("questions of a proxy", |target, count| {
            new_connections(target, count, Kind::Question)
        });
        hammer
    }

    fn add<F: Future<Output = ()> + Send + 'static>(
        &mut self,
        name: &'static str,
        client: impl FnOnce(Arc<Target>, Arc<AtomicU64>) -> F,
    ) {
        let count = Arc::new(AtomicU64::new(0));
        let client = tokio::spawn(client(self.target.clone(), count.clone()));
        self.clients.push((name, count, client));
    }

    /// Waits until each client was answered so often more.
    pub(super) async fn has_struck(&self, times: u64) {
        for (name, count, client) in &self.clients {
            let (begin, before) = (Instant::now(), count.load(Ordering::Relaxed));
            while count.load(Ordering::Relaxed) < before + times && !client.is_finished() {
                assert!(begin.elapsed() < PATIENCE, "{name}: too few answers");
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        }
    }

    /// Ends, and fails where one of them has failed.
    pub(super) async fn stop(self) {
        self.target.over.store(true, Ordering::Relaxed);
        for (name, count, client) in self.clients {
            client
                .await
                .unwrap_or_else(|error| panic!("{name}: {error}"));
            println!("{name}: {} answers", count.load(Ordering::Relaxed));
        }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Read,
    Write,
    Question,
}

impl Target {
    fn is_over(&self) -> bool {
        self.over.load(Ordering::Relaxed)
    }

    fn request(&self, kind: Kind) -> String {
        let fields = &self.fields;
        match kind {
            Kind::Read => format!("GET {ITEMS} HTTP/1.1\r\n{fields}\r\n"),
            Kind::Write => {
                let csrf = &self.csrf;
                format!("POST {ECHO} HTTP/1.1\r\n{fields}X-CSRF-Token: {csrf}\r\n{BODY}")
            }
            Kind::Question => format!(
                "GET /auth/verify HTTP/1.1\r\nHost: localhost\r\nCookie: bff_session={}\r\n\
                 X-Forwarded-Method: GET\r\nX-Forwarded-Uri: {ITEMS}\r\n\
                 X-Forwarded-Host: localhost\r\nX-Forwarded-Proto: http\r\n\r\n",
                self.cookie
            ),
        }
    }
}

/// Sends a request; whether the answer keeps the connection, `None` where there was no answer.
async fn ask<S: AsyncRead + AsyncWrite + Unpin>(
    client: &mut RawClient<S>,
    request: &str,
) -> Option<bool> {
    client.send(request).await;
    let answer = client.try_answer(false).await?;
    assert_eq!(answer.status, 200, "{answer:?}");
    Some(answer.header("connection") != Some("close"))
}

async fn new_connections(target: Arc<Target>, count: Arc<AtomicU64>, kind: Kind) {
    let request = target.request(kind);
    let port = match kind {
        Kind::Read | Kind::Write => target.port,
        Kind::Question => target.asked,
    };
    while !target.is_over() {
        let mut client = RawClient::connect(port).await;
        let answered = ask(&mut client, &request).await;
        assert!(
            answered.is_some(),
            "a new connection ended without an answer"
        );
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// A read, which is idempotent, may be sent again where a used connection ended without a byte.
async fn kept_connections(target: Arc<Target>, count: Arc<AtomicU64>, kind: Kind) {
    let request = target.request(kind);
    let mut kept: Option<RawClient> = None;
    while !target.is_over() {
        let is_used = kept.is_some();
        let mut client = match kept.take() {
            Some(client) => client,
            None => RawClient::connect(target.port).await,
        };
        match ask(&mut client, &request).await {
            Some(keeps) => kept = keeps.then_some(client),
            None => {
                assert!(is_used && kind == Kind::Read, "a request was lost");
                continue;
            }
        }
        count.fetch_add(1, Ordering::Relaxed);
    }
}

async fn over_tls(target: Arc<Target>, count: Arc<AtomicU64>) {
    let request = target.request(Kind::Write);
    while !target.is_over() {
        let connected = target
            .authority
            .connect(target.tls, "localhost", &["http/1.1"]);
        let mut client = RawClient::over(connected.await.unwrap());
        let answered = ask(&mut client, &request).await;
        assert!(
            answered.is_some(),
            "a new connection ended without an answer"
        );
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// A connection that is told to go (GOAWAY) is left; what was sent on it before is answered.
async fn over_http2(target: Arc<Target>, count: Arc<AtomicU64>) {
    let request = || {
        let request = Request::get(format!("https://localhost:{}{ITEMS}", target.tls));
        let request = request.header("sec-fetch-site", "same-origin");
        let cookie = format!("bff_session={}", target.cookie);
        request.header("cookie", cookie).body(()).unwrap()
    };
    let mut kept: Option<H2Client> = None;
    while !target.is_over() {
        let is_used = kept.is_some();
        let client = match kept.take() {
            Some(client) => client,
            None => H2Client::connect(&target.authority, target.tls).await,
        };
        match client.send(request(), b"").await {
            Ok(answer) => {
                assert_eq!(answer.status(), 200);
                kept = Some(client);
                count.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => assert!(is_used, "a new connection: {error}"),
        }
    }
}
