//! An upstream that keeps every byte it is sent: what went past the gateway, and not what a
//! tolerant server would have made of it.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rustls::{NamedGroup, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;

/// One request as it came.
#[derive(Clone, Debug)]
pub(crate) struct Recorded {
    /// Which connection it came on, counted from 0.
    pub(crate) connection: usize,
    /// Request line and fields, without the empty line.
    pub(crate) head: String,
    /// The body, decoded.
    pub(crate) body: Vec<u8>,
}

impl Recorded {
    /// All values of a field, whatever its case.
    pub(crate) fn values(&self, name: &str) -> Vec<String> {
        let fields = self.head.split("\r\n").skip(1);
        fields
            .filter_map(|line| line.split_once(':'))
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
            .collect()
    }

    /// The request line.
    pub(crate) fn line(&self) -> &str {
        self.head.split("\r\n").next().unwrap_or_default()
    }
}

/// What is answered.
#[derive(Clone, Debug)]
pub(crate) enum Reply {
    /// These bytes; the connection is kept.
    Bytes(Vec<u8>),
    /// These bytes, then the end.
    Last(Vec<u8>),
    /// These bytes one after the other with pauses, then the end.
    Slowly(Vec<Vec<u8>>, Duration),
    /// Nothing, ever.
    Silence,
}

impl Reply {
    /// A small answer with these fields, each with its line end.
    pub(crate) fn ok(fields: &str) -> Self {
        Self::Bytes(format!("HTTP/1.1 200 OK\r\n{fields}Content-Length: 2\r\n\r\nok").into_bytes())
    }
}

type Script = Arc<dyn Fn(&Recorded) -> Reply + Send + Sync>;

#[derive(Clone)]
enum Wire {
    Plain,
    H2,
    Tls(TlsAcceptor),
}

/// The upstream.
pub(crate) struct Recorder {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Recorded>>>,
    connections: Arc<Mutex<usize>>,
    key_exchanges: Arc<Mutex<Vec<NamedGroup>>>,
}

impl Recorder {
    /// Answers everything with 200.
    pub(crate) async fn start() -> Self {
        Self::start_with(|_| Reply::ok("")).await
    }

    /// Answers as the script says.
    pub(crate) async fn start_with(
        script: impl Fn(&Recorded) -> Reply + Send + Sync + 'static,
    ) -> Self {
        Self::listen(Wire::Plain, Arc::new(script)).await
    }

    /// Answers everything with 200, over TLS; in HTTP/2 where that is agreed on.
    pub(crate) async fn start_tls(config: ServerConfig) -> Self {
        let acceptor = TlsAcceptor::from(Arc::new(config));
        Self::listen(Wire::Tls(acceptor), Arc::new(|_| Reply::ok(""))).await
    }

    /// Answers everything with 200, in HTTP/2 without TLS.
    pub(crate) async fn start_h2() -> Self {
        Self::listen(Wire::H2, Arc::new(|_| Reply::ok(""))).await
    }

    async fn listen(wire: Wire, script: Script) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let recorder = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
            connections: Arc::default(),
            key_exchanges: Arc::default(),
        };
        let (seen, connections) = (recorder.seen.clone(), recorder.connections.clone());
        let key_exchanges = recorder.key_exchanges.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let number = {
                    let mut connections = connections.lock().unwrap();
                    *connections += 1;
                    *connections - 1
                };
                let (wire, seen, script) = (wire.clone(), seen.clone(), script.clone());
                let key_exchanges = key_exchanges.clone();
                tokio::spawn(async move {
                    match wire {
                        Wire::Plain => serve(stream, number, seen, script).await,
                        Wire::H2 => super::h2::serve(stream, number, seen).await,
                        Wire::Tls(acceptor) => {
                            let Ok(stream) = acceptor.accept(stream).await else {
                                return;
                            };
                            let tls = stream.get_ref().1;
                            let group = tls.negotiated_key_exchange_group();
                            let group = group.map(|group| group.name());
                            key_exchanges.lock().unwrap().extend(group);
                            match tls.alpn_protocol() {
                                Some(b"h2") => super::h2::serve(stream, number, seen).await,
                                _ => serve(stream, number, seen, script).await,
                            }
                        }
                    }
                });
            }
        });
        recorder
    }

    /// Its address as a `base_url`.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Every request so far.
    pub(crate) fn seen(&self) -> Vec<Recorded> {
        self.seen.lock().unwrap().clone()
    }

    /// The key exchange of each TLS connection so far.
    pub(crate) fn key_exchanges(&self) -> Vec<NamedGroup> {
        self.key_exchanges.lock().unwrap().clone()
    }

    /// Connections so far.
    pub(crate) fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }
}

/// Serves one connection, over TLS or not.
async fn serve(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    connection: usize,
    seen: Arc<Mutex<Vec<Recorded>>>,
    script: Script,
) {
    let mut bytes = Vec::new();
    while let Some(request) = next(&mut stream, &mut bytes, connection).await {
        seen.lock().unwrap().push(request.clone());
        let kept = match script(&request) {
            Reply::Bytes(answer) => stream.write_all(&answer).await.is_ok(),
            Reply::Last(answer) => {
                let _ = stream.write_all(&answer).await;
                false
            }
            Reply::Slowly(parts, pause) => {
                for part in parts {
                    if stream.write_all(&part).await.is_err() {
                        break;
                    }
                    let _ = stream.flush().await;
                    tokio::time::sleep(pause).await;
                }
                false
            }
            Reply::Silence => std::future::pending().await,
        };
        if stream.flush().await.is_err() || !kept {
            return;
        }
    }
}

/// The next request; whatever stands where a request should begin is one.
async fn next(
    stream: &mut (impl AsyncRead + Unpin),
    bytes: &mut Vec<u8>,
    connection: usize,
) -> Option<Recorded> {
    let end = loop {
        if let Some(end) = find(bytes, b"\r\n\r\n") {
            break end;
        }
        if stream.read_buf(bytes).await.ok()? == 0 {
            let left = String::from_utf8_lossy(bytes).into_owned();
            return (!bytes.is_empty()).then(|| {
                bytes.clear();
                Recorded {
                    connection,
                    head: left,
                    body: Vec::new(),
                }
            });
        }
    };
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    bytes.drain(..end + 4);
    let mut request = Recorded {
        connection,
        head,
        body: Vec::new(),
    };
    let length = request.values("content-length").first().cloned();
    if !request.values("transfer-encoding").is_empty() {
        request.body = chunked(stream, bytes).await?;
    } else if let Some(length) = length.and_then(|length| length.parse().ok()) {
        fill(stream, bytes, length).await?;
        request.body = bytes.drain(..length).collect();
    }
    Some(request)
}

async fn chunked(stream: &mut (impl AsyncRead + Unpin), bytes: &mut Vec<u8>) -> Option<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = loop {
            if let Some(end) = find(bytes, b"\r\n") {
                break bytes.drain(..end + 2).collect::<Vec<u8>>();
            }
            let length = bytes.len() + 1;
            fill(stream, bytes, length).await?;
        };
        let size = String::from_utf8_lossy(&line).trim().to_owned();
        let size = usize::from_str_radix(&size, 16).ok()?;
        fill(stream, bytes, size + 2).await?;
        body.extend(bytes.drain(..size));
        bytes.drain(..2);
        if size == 0 {
            return Some(body);
        }
    }
}

async fn fill(
    stream: &mut (impl AsyncRead + Unpin),
    bytes: &mut Vec<u8>,
    length: usize,
) -> Option<()> {
    while bytes.len() < length {
        if stream.read_buf(bytes).await.ok()? == 0 {
            return None;
        }
    }
    Some(())
}

/// Where a text begins in bytes.
pub(crate) fn find(bytes: &[u8], text: &[u8]) -> Option<usize> {
    bytes.windows(text.len()).position(|window| window == text)
}
