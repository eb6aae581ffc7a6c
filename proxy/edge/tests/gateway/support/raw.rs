//! A client that sends exactly the bytes it is given.

use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

use super::recorder::find;

/// The longest that an answer or an end is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// A connection; over TLS where `S` is.
pub(crate) struct RawClient<S = TcpStream> {
    pub(crate) stream: S,
    bytes: Vec<u8>,
}

/// An answer as it came.
#[derive(Debug)]
pub(crate) struct RawAnswer {
    pub(crate) status: u16,
    /// Status line and fields.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl RawAnswer {
    /// The first value of a field.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).into_iter().next()
    }

    /// All values of a field.
    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let fields = self.head.split("\r\n").skip(1);
        fields
            .filter_map(|line| line.split_once(':'))
            .filter(|(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
            .collect()
    }

    /// The `code` of a problem document.
    pub(crate) fn code(&self) -> String {
        let document: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        document["code"].as_str().unwrap_or_default().to_owned()
    }
}

impl RawClient {
    /// Connects to a port of this machine.
    pub(crate) async fn connect(port: u16) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
        stream.set_nodelay(true).unwrap();
        Self::over(stream)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> RawClient<S> {
    pub(crate) fn over(stream: S) -> Self {
        Self {
            stream,
            bytes: Vec::new(),
        }
    }

    /// Sends bytes. A server that has closed already is seen by what is read.
    pub(crate) async fn send(&mut self, bytes: impl AsRef<[u8]>) {
        let _ = self.stream.write_all(bytes.as_ref()).await;
        let _ = self.stream.flush().await;
    }

    /// Sends a request without a body and reads its answer.
    pub(crate) async fn get(&mut self, target: &str, host: &str) -> RawAnswer {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
            .await;
        self.answer().await
    }

    /// As [`get`](Self::get), where the gateway may close instead.
    pub(crate) async fn try_get(&mut self, target: &str, host: &str) -> Option<RawAnswer> {
        self.send(format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n"))
            .await;
        self.try_answer(false).await
    }

    /// The next answer that is no interim one.
    pub(crate) async fn answer(&mut self) -> RawAnswer {
        self.try_answer(false).await.expect("an answer comes")
    }

    /// The answer to a HEAD.
    pub(crate) async fn answer_without_body(&mut self) -> RawAnswer {
        self.try_answer(true).await.expect("an answer comes")
    }

    /// The next answer; `None` when the connection ends without one.
    pub(crate) async fn try_answer(&mut self, to_head: bool) -> Option<RawAnswer> {
        loop {
            let head = self.head().await?;
            let status = head.split(' ').nth(1)?.parse().ok()?;
            let mut answer = RawAnswer {
                status,
                head,
                body: Vec::new(),
            };
            if (100..200).contains(&status) && status != 101 {
                continue;
            }
            if !to_head && !matches!(status, 101 | 204 | 304) {
                answer.body = self.body(&answer).await;
            }
            return Some(answer);
        }
    }

    async fn body(&mut self, answer: &RawAnswer) -> Vec<u8> {
        let length = answer.header("content-length").and_then(|l| l.parse().ok());
        if answer.header("transfer-encoding").is_some() {
            while find(&self.bytes, b"0\r\n\r\n").is_none() && self.read_more().await {}
            let end = find(&self.bytes, b"0\r\n\r\n").map_or(self.bytes.len(), |end| end + 5);
            return self.bytes.drain(..end).collect();
        }
        let length = length.unwrap_or(usize::MAX);
        while self.bytes.len() < length && self.read_more().await {}
        let length = length.min(self.bytes.len());
        self.bytes.drain(..length).collect()
    }

    /// Everything up to the end of a text that comes.
    pub(crate) async fn until(&mut self, wanted: &[u8]) -> Vec<u8> {
        loop {
            if let Some(begin) = find(&self.bytes, wanted) {
                return self.bytes.drain(..begin + wanted.len()).collect();
            }
            let seen = String::from_utf8_lossy(&self.bytes).into_owned();
            assert!(self.read_more().await, "{wanted:?} never: {seen}");
        }
    }

    /// The next head; `None` when the connection ends without one.
    pub(crate) async fn head(&mut self) -> Option<String> {
        loop {
            if let Some(end) = find(&self.bytes, b"\r\n\r\n") {
                let head: Vec<u8> = self.bytes.drain(..end + 4).collect();
                return Some(String::from_utf8_lossy(&head[..end]).into_owned());
            }
            if !self.read_more().await {
                return None;
            }
        }
    }

    /// Everything until the connection ends.
    pub(crate) async fn rest(&mut self) -> Vec<u8> {
        while self.read_more().await {}
        std::mem::take(&mut self.bytes)
    }

    /// Whether the server closes the connection without another byte.
    pub(crate) async fn is_closed(&mut self) -> bool {
        self.rest().await.is_empty()
    }

    async fn read_more(&mut self) -> bool {
        let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut self.bytes)).await;
        matches!(read.expect("the server does something in time"), Ok(1..))
    }
}
