//! Many clients that do next to nothing. One that the gateway turns out comes back at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::support::certificates::Authority;
use crate::support::h2::H2Client;

/// How often a slow client sends or takes its byte.
const BYTE: Duration = Duration::from_secs(1);
/// Longer than any connection is kept.
const LONG: Duration = Duration::from_secs(600);

/// What a client does.
#[derive(Clone, Copy, Debug)]
pub(super) enum Habit {
    /// Sends a byte of a head a second.
    DripsItsHead,
    /// Sends a byte of a body a second.
    DripsItsBody,
    /// Takes a byte of an answer a second.
    SipsItsAnswer,
    /// Never says a word.
    IsSilent,
    /// Is silent once it had an answer.
    FallsSilent,
    /// Is silent after a TLS handshake.
    IsSilentOverTls,
    /// Is silent after an HTTP/2 handshake.
    IsSilentOverHttp2,
}

/// Where the gateway is.
pub(super) struct Place {
    pub(super) port: u16,
    pub(super) tls_port: u16,
    pub(super) authority: Authority,
}

/// The clients; they leave when this is dropped.
#[derive(Default)]
pub(super) struct Crowd {
    counts: Arc<Counts>,
    clients: JoinSet<()>,
}

#[derive(Default)]
struct Counts {
    present: AtomicUsize,
    turned_out: AtomicUsize,
}

struct Present(Arc<Counts>);

impl Drop for Present {
    fn drop(&mut self) {
        self.0.present.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Crowd {
    /// Lets some clients come.
    pub(super) fn add(&mut self, count: usize, habit: Habit, place: &Arc<Place>) {
        for _ in 0..count {
            let (counts, place) = (self.counts.clone(), place.clone());
            self.clients.spawn(async move {
                loop {
                    if visit(habit, &place, &counts).await.is_some() {
                        counts.turned_out.fetch_add(1, Ordering::Relaxed);
                    } else {
                        tokio::time::sleep(Duration::from_millis(50)).await;
                    }
                }
            });
        }
    }

    /// How many have a connection at this moment.
    pub(super) fn present(&self) -> usize {
        self.counts.present.load(Ordering::Relaxed)
    }

    /// How often the gateway ended a connection.
    pub(super) fn turned_out(&self) -> usize {
        self.counts.turned_out.load(Ordering::Relaxed)
    }
}

/// One connection until the gateway ends it; `None` where there never was one.
async fn visit(habit: Habit, place: &Place, counts: &Arc<Counts>) -> Option<()> {
    let host = format!("Host: localhost:{}\r\n", place.port);
    let enter = || {
        counts.present.fetch_add(1, Ordering::Relaxed);
        Present(counts.clone())
    };
    match habit {
        Habit::DripsItsHead => {
            let stream = connect(place.port).await?;
            let _present = enter();
            drip(stream, &format!("GET / HTTP/1.1\r\n{host}X-Slow: ")).await;
        }
        Habit::DripsItsBody => {
            let stream = connect(place.port).await?;
            let _present = enter();
            let head = format!("POST / HTTP/1.1\r\n{host}Content-Length: 1000000\r\n\r\n");
            drip(stream, &head).await;
        }
        Habit::SipsItsAnswer => {
            let stream = connect(place.port).await?;
            let _present = enter();
            sip(stream, &format!("GET /large HTTP/1.1\r\n{host}\r\n")).await;
        }
        Habit::IsSilent => {
            let stream = connect(place.port).await?;
            let _present = enter();
            listen(stream, "").await;
        }
        Habit::FallsSilent => {
            let stream = connect(place.port).await?;
            let _present = enter();
            listen(stream, &format!("GET / HTTP/1.1\r\n{host}\r\n")).await;
        }
        Habit::IsSilentOverTls => {
            let stream = place
                .authority
                .connect(place.tls_port, "localhost", &["http/1.1"]);
            let stream = stream.await.ok()?;
            let _present = enter();
            listen(stream, "").await;
        }
        Habit::IsSilentOverHttp2 => {
            let client = H2Client::connect(&place.authority, place.tls_port).await;
            let _present = enter();
            client.ends_within(LONG).await;
        }
    }
    Some(())
}

/// A connection with a small buffer, so that an answer waits at the gateway.
async fn connect(port: u16) -> Option<TcpStream> {
    let socket = TcpSocket::new_v4().ok()?;
    socket.set_recv_buffer_size(4 * 1024).ok()?;
    let address = std::net::SocketAddr::from(([127, 0, 0, 1], port));
    socket.connect(address).await.ok()
}

async fn drip(mut stream: TcpStream, opening: &str) {
    if stream.write_all(opening.as_bytes()).await.is_err() {
        return;
    }
    let (mut reading, mut writing) = stream.split();
    let mut tick = tokio::time::interval(BYTE);
    let mut scratch = [0; 1024];
    loop {
        tokio::select! {
            read = reading.read(&mut scratch) => {
                if !matches!(read, Ok(1..)) {
                    return;
                }
            }
            _ = tick.tick() => {
                if writing.write_all(b"x").await.is_err() {
                    return;
                }
            }
        }
    }
}

async fn sip(mut stream: TcpStream, request: &str) {
    if stream.write_all(request.as_bytes()).await.is_err() {
        return;
    }
    let mut tick = tokio::time::interval(BYTE);
    let mut byte = [0; 1];
    while matches!(stream.read(&mut byte).await, Ok(1..)) {
        tick.tick().await;
    }
}

async fn listen(mut stream: impl AsyncRead + AsyncWrite + Unpin, opening: &str) {
    if stream.write_all(opening.as_bytes()).await.is_err() {
        return;
    }
    let mut scratch = [0; 1024];
    while matches!(stream.read(&mut scratch).await, Ok(1..)) {}
}
