//! The upstream of every measurement: it does as little as an upstream can, and counts what it
//! answered, so that a load generator's count can be compared with it.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::Outcome;
use crate::load::head::{Head, Length};

/// The body of a small answer.
pub const SMALL: usize = 256;
/// The body of an answer of 16 KiB.
pub const MEDIUM: usize = 16 * 1024;
/// A chunk of the streamed answer, and how many there are: 1 MiB.
pub const CHUNK: usize = 64 * 1024;
const CHUNKS: usize = 16;

/// A running backend.
pub struct Backend {
    address: SocketAddr,
    answered: Arc<AtomicU64>,
    accepted: Arc<AtomicU64>,
}

impl Backend {
    /// Starts one on a thread of its own, on a free port of this machine.
    ///
    /// # Errors
    /// No port or no thread.
    pub fn start() -> Outcome<Self> {
        let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
        listener.set_nonblocking(true)?;
        let address = listener.local_addr()?;
        let answered = Arc::new(AtomicU64::new(0));
        let accepted = Arc::new(AtomicU64::new(0));
        let answers = Answers::new(answered.clone());
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        std::thread::Builder::new().name("backend".into()).spawn({
            let accepted = accepted.clone();
            move || runtime.block_on(accept(listener, answers, &accepted))
        })?;
        Ok(Self {
            address,
            answered,
            accepted,
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How many requests it has answered.
    pub fn answered(&self) -> u64 {
        self.answered.load(Ordering::Relaxed)
    }

    /// How many connections it has accepted.
    pub fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::Relaxed)
    }
}

/// What is sent, made once.
struct Answers {
    small: Bytes,
    medium: Bytes,
    stream_head: Bytes,
    chunk: Bytes,
    answered: Arc<AtomicU64>,
}

impl Answers {
    fn new(answered: Arc<AtomicU64>) -> Arc<Self> {
        let whole = |bytes: usize| answer(&vec![b'x'; bytes]);
        let mut chunk = format!("{CHUNK:x}\r\n").into_bytes();
        chunk.resize(chunk.len() + CHUNK, b'x');
        chunk.extend_from_slice(b"\r\n");
        Arc::new(Self {
            small: whole(SMALL),
            medium: whole(MEDIUM),
            stream_head: Bytes::from_static(
                b"HTTP/1.1 200 OK\r\ncontent-type: application/octet-stream\r\ncache-control: no-store\r\ntransfer-encoding: chunked\r\n\r\n",
            ),
            chunk: chunk.into(),
            answered,
        })
    }
}

fn answer(body: &[u8]) -> Bytes {
    let mut bytes = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncache-control: no-store\r\ncontent-length: {}\r\n\r\n",
        body.len()
    )
    .into_bytes();
    bytes.extend_from_slice(body);
    bytes.into()
}

async fn accept(listener: std::net::TcpListener, answers: Arc<Answers>, accepted: &AtomicU64) {
    let Ok(listener) = TcpListener::from_std(listener) else {
        return;
    };
    while let Ok((stream, _)) = listener.accept().await {
        accepted.fetch_add(1, Ordering::Relaxed);
        let answers = answers.clone();
        tokio::spawn(async move {
            // A connection that breaks is the proxy's to tell.
            let _ = serve(stream, &answers).await;
        });
    }
}

async fn serve(mut stream: TcpStream, answers: &Answers) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut buffer = BytesMut::with_capacity(16 * 1024);
    loop {
        let head = loop {
            if let Some(head) = Head::parse(&buffer) {
                break head;
            }
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        };
        let asked = Asked::read(buffer.get(..head.bytes).unwrap_or_default());
        buffer.advance(head.bytes);
        let mut body = match head.length {
            Length::Bytes(bytes) => bytes,
            Length::None | Length::Chunked => 0,
        };
        while body > buffer.len() {
            body -= buffer.len();
            buffer.clear();
            if stream.read_buf(&mut buffer).await? == 0 {
                return Ok(());
            }
        }
        buffer.advance(body);
        send(&mut stream, answers, asked).await?;
    }
}

enum Asked {
    Small,
    Medium,
    Stream,
    /// What came as `Authorization`.
    Authorization(Bytes),
}

impl Asked {
    fn read(head: &[u8]) -> Self {
        let line = head.split(|byte| *byte == b'\r').next().unwrap_or_default();
        let has = |part: &[u8]| line.windows(part.len()).any(|window| window == part);
        if has(b"/medium") {
            Self::Medium
        } else if has(b"/stream") {
            Self::Stream
        } else if has(b"/whoami") {
            Self::Authorization(authorization(head))
        } else {
            Self::Small
        }
    }
}

fn authorization(head: &[u8]) -> Bytes {
    let text = String::from_utf8_lossy(head);
    let found = text.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("authorization")
            .then(|| value.trim().to_owned())
    });
    found.unwrap_or_default().into()
}

async fn send(stream: &mut TcpStream, answers: &Answers, asked: Asked) -> io::Result<()> {
    match asked {
        Asked::Small => stream.write_all(&answers.small).await?,
        Asked::Medium => stream.write_all(&answers.medium).await?,
        Asked::Authorization(value) => stream.write_all(&answer(&value)).await?,
        Asked::Stream => {
            stream.write_all(&answers.stream_head).await?;
            for _ in 0..CHUNKS {
                stream.write_all(&answers.chunk).await?;
            }
            stream.write_all(b"0\r\n\r\n").await?;
        }
    }
    answers.answered.fetch_add(1, Ordering::Relaxed);
    Ok(())
}
