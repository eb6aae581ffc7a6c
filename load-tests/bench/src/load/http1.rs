//! One HTTP/1.1 connection, on which one request after the other is sent.

use std::io;

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::Ask;
use super::head::{Head, Length};
use super::tls::Opened;

/// The end of the last chunk. Bodies of the backend hold no such bytes.
const LAST_CHUNK: &[u8] = b"\r\n0\r\n\r\n";

/// A connection with its request.
pub(super) struct Connection {
    stream: Opened,
    request: Vec<u8>,
    status: u16,
    buffer: BytesMut,
}

impl Connection {
    pub(super) fn new(stream: Opened, ask: &Ask) -> Self {
        Self {
            stream,
            request: bytes_of(ask),
            status: ask.status,
            buffer: BytesMut::with_capacity(64 * 1024),
        }
    }

    /// Sends once; whether the answer was right.
    ///
    /// # Errors
    /// The connection is of no more use.
    pub(super) async fn exchange(&mut self) -> io::Result<bool> {
        self.stream.write_all(&self.request).await?;
        self.stream.flush().await?;
        let head = loop {
            if let Some(head) = Head::parse(&self.buffer) {
                break head;
            }
            self.more().await?;
        };
        self.buffer.advance(head.bytes);
        match head.length {
            Length::None => {}
            Length::Bytes(bytes) => self.skip(bytes).await?,
            Length::Chunked => self.skip_chunks().await?,
        }
        match head.closes {
            true => Err(io::ErrorKind::ConnectionReset.into()),
            false => Ok(head.status == self.status),
        }
    }

    async fn skip_chunks(&mut self) -> io::Result<()> {
        while !self.buffer.ends_with(LAST_CHUNK) {
            let passed = self.buffer.len().saturating_sub(LAST_CHUNK.len());
            self.buffer.advance(passed);
            self.more().await?;
        }
        self.buffer.clear();
        Ok(())
    }

    async fn skip(&mut self, bytes: usize) -> io::Result<()> {
        let mut left = bytes;
        while left > self.buffer.len() {
            left -= self.buffer.len();
            self.buffer.clear();
            self.more().await?;
        }
        self.buffer.advance(left);
        Ok(())
    }

    async fn more(&mut self) -> io::Result<()> {
        self.buffer.reserve(16 * 1024);
        match self.stream.read_buf(&mut self.buffer).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

fn bytes_of(ask: &Ask) -> Vec<u8> {
    let mut text = format!("{} {} HTTP/1.1\r\n", ask.method, ask.path);
    for (name, value) in &ask.fields {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    if !ask.body.is_empty() {
        text.push_str(&format!("Content-Length: {}\r\n", ask.body.len()));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(&ask.body);
    bytes
}
