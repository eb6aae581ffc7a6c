//! Writes to a client are gathered until they are flushed: the framework writes an answer's header
//! and its body apart. What does not fit goes out together with what has been gathered, in one
//! system call, and over TLS in as few records.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use pingora_core::protocols::{IO, Shutdown};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::wrapped::answered_by_the_wrapped_stream;

/// What is gathered at most: a header and a short body.
const GATHERED_BYTES: usize = 2 * 1024;
/// Slices of one write that go out together: what is gathered, and a chunk with its frame.
const TOGETHER: usize = 4;

/// A connection whose writes are gathered.
pub(super) struct WriteBuffer<S> {
    stream: S,
    gathered: Vec<u8>,
}

impl<S> WriteBuffer<S> {
    pub(super) fn new(stream: S) -> Self {
        Self {
            stream,
            gathered: Vec::new(),
        }
    }

    /// Notes that so much was written of what is gathered and what came after it; returns how much
    /// of the latter.
    fn wrote(&mut self, bytes: usize) -> usize {
        let of_gathered = bytes.min(self.gathered.len());
        self.gathered.drain(..of_gathered);
        bytes - of_gathered
    }

    /// Keeps `bytes` for later, if there is room for all of them.
    fn gather(&mut self, slices: &[IoSlice<'_>]) -> Option<usize> {
        let bytes = slices.iter().map(|slice| slice.len()).sum::<usize>();
        if self.gathered.len() + bytes > GATHERED_BYTES {
            return None;
        }
        self.gathered.reserve_exact(match self.gathered.capacity() {
            0 => GATHERED_BYTES,
            _ => 0,
        });
        for slice in slices {
            self.gathered.extend_from_slice(slice);
        }
        Some(bytes)
    }
}

impl<S: AsyncWrite + Unpin> WriteBuffer<S> {
    fn poll_drain(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.gathered.is_empty() {
            match ready!(Pin::new(&mut self.stream).poll_write(context, &self.gathered))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                bytes => self.wrote(bytes),
            };
        }
        Poll::Ready(Ok(()))
    }

    /// Writes `slices` behind what is gathered.
    fn poll_write_through(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            let mut together = [IoSlice::new(&[]); TOGETHER];
            let gathered = IoSlice::new(&self.gathered);
            let before = std::iter::once(gathered).filter(|slice| !slice.is_empty());
            let count = together
                .iter_mut()
                .zip(before.chain(slices.iter().copied()))
                .map(|(place, slice)| *place = slice)
                .count();
            let together = together.get(..count).unwrap_or_default();
            let stream = Pin::new(&mut self.stream);
            let bytes = ready!(stream.poll_write_vectored(context, together))?;
            if bytes == 0 {
                return Poll::Ready(Ok(0));
            }
            // None of what was to be written now: the client takes little, so try again.
            match self.wrote(bytes) {
                0 => {}
                bytes => return Poll::Ready(Ok(bytes)),
            }
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for WriteBuffer<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for WriteBuffer<S> {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(context))?;
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(context))?;
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.gather(slices) {
            Some(bytes) => Poll::Ready(Ok(bytes)),
            None => self.poll_write_through(context, slices),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

#[async_trait]
impl<S: IO> Shutdown for WriteBuffer<S> {
    async fn shutdown(&mut self) {
        // Whether the client hears of the end makes no difference here.
        let _ = tokio::io::AsyncWriteExt::flush(self).await;
        self.stream.shutdown().await;
    }
}

answered_by_the_wrapped_stream!(<S: IO> WriteBuffer);

#[cfg(test)]
mod tests;
