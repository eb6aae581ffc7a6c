//! HTTP/2 on both sides: a client that sends what it is told to, and an upstream.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use h2::client::SendRequest;
use http::{Request, Response};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::watch;

use super::certificates::Authority;
use super::recorder::Recorded;

/// An answer with its whole body.
#[derive(Debug)]
pub(crate) struct H2Answer {
    pub(crate) head: Response<()>,
    pub(crate) body: Vec<u8>,
}

impl H2Answer {
    pub(crate) fn status(&self) -> u16 {
        self.head.status().as_u16()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.headers().get(name)?.to_str().ok()
    }

    /// The `code` of a problem document.
    pub(crate) fn code(&self) -> String {
        let document: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        document["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A connection to the gateway's TLS listener.
#[derive(Clone)]
pub(crate) struct H2Client {
    requests: SendRequest<Bytes>,
    ended: watch::Receiver<bool>,
}

impl H2Client {
    pub(crate) async fn connect(authority: &Authority, port: u16) -> Self {
        let stream = authority.connect(port, "localhost", &["h2"]).await;
        let stream = stream.unwrap();
        let (requests, connection) = h2::client::handshake(stream).await.unwrap();
        let (end, ended) = watch::channel(false);
        tokio::spawn(async move {
            // However it ends, requests tell.
            let _ = connection.await;
            end.send_replace(true);
        });
        Self { requests, ended }
    }

    /// Whether the gateway ends the connection in this time.
    pub(crate) async fn ends_within(&self, time: Duration) -> bool {
        let mut ended = self.ended.clone();
        let end = ended.wait_for(|ended| *ended);
        tokio::time::timeout(time, end).await.is_ok()
    }

    /// Whether the gateway takes WebSockets on this connection (RFC 8441 § 3).
    pub(crate) fn offers_websockets(&self) -> bool {
        self.requests.is_extended_connect_protocol_enabled()
    }

    /// Sends a request with a body, or without where it is empty.
    pub(crate) async fn send(
        &self,
        request: Request<()>,
        body: &[u8],
    ) -> Result<H2Answer, h2::Error> {
        let mut requests = self.requests.clone().ready().await?;
        let (answer, mut stream) = requests.send_request(request, body.is_empty())?;
        if !body.is_empty() {
            stream.send_data(Bytes::copy_from_slice(body), true)?;
        }
        let (head, mut incoming) = answer.await?.into_parts();
        let mut body = Vec::new();
        while let Some(chunk) = incoming.data().await {
            let chunk = chunk?;
            let _ = incoming.flow_control().release_capacity(chunk.len());
            body.extend_from_slice(&chunk);
        }
        Ok(H2Answer {
            head: Response::from_parts(head, ()),
            body,
        })
    }

    /// A request that is still to be given its body.
    pub(crate) async fn open(
        &self,
        request: Request<()>,
    ) -> Result<(h2::client::ResponseFuture, h2::SendStream<Bytes>), h2::Error> {
        let mut requests = self.requests.clone().ready().await?;
        requests.send_request(request, false)
    }

    /// A request without a body, whose answer nobody reads yet.
    pub(crate) async fn start(
        &self,
        request: Request<()>,
    ) -> Result<h2::client::ResponseFuture, h2::Error> {
        let mut requests = self.requests.clone().ready().await?;
        Ok(requests.send_request(request, true)?.0)
    }

    pub(crate) async fn get(&self, uri: &str) -> H2Answer {
        let request = Request::get(uri).body(()).unwrap();
        self.send(request, b"").await.unwrap()
    }
}

/// Serves one connection of an upstream that speaks HTTP/2, and keeps what it was sent.
pub(crate) async fn serve(
    stream: impl AsyncRead + AsyncWrite + Unpin,
    connection: usize,
    seen: Arc<Mutex<Vec<Recorded>>>,
) {
    let Ok(mut incoming) = h2::server::handshake(stream).await else {
        return;
    };
    while let Some(Ok((request, mut answer))) = incoming.accept().await {
        let seen = seen.clone();
        tokio::spawn(async move {
            let (head, mut body) = request.into_parts();
            let mut text = format!("{} {} HTTP/2", head.method, head.uri);
            for (name, value) in &head.headers {
                text += &format!("\r\n{name}: {}", String::from_utf8_lossy(value.as_bytes()));
            }
            let mut bytes = Vec::new();
            while let Some(Ok(chunk)) = body.data().await {
                let _ = body.flow_control().release_capacity(chunk.len());
                bytes.extend_from_slice(&chunk);
            }
            seen.lock().unwrap().push(Recorded {
                connection,
                head: text,
                body: bytes,
            });
            if let Ok(mut stream) = answer.send_response(Response::new(()), false) {
                let _ = stream.send_data(Bytes::from_static(b"ok"), true);
            }
        });
    }
}
