//! The connection of an HTTP/1 request with a body that is large or comes in chunks. The framework
//! reads chunks that two servers could read differently (an empty size, a space behind it, LF alone,
//! a trailer without a colon): here each byte is judged before the framework has it. And it is given
//! little at once, so that what is read ahead of a body ends near where it is meant to
//! (`phases::body`).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use async_trait::async_trait;
use pingora_core::protocols::{Shutdown, Stream};
use tokenbridge_bridge::framing::ChunkScan;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::Watch;
use super::wrapped::answered_by_the_wrapped_stream;

/// How much is read at once.
const READ_BYTES: usize = 16 * 1024;

/// A connection in the middle of a request's body.
pub(super) struct BodyStream {
    stream: Stream,
    /// What follows the body's chunks, where it comes in chunks.
    chunks: Option<ChunkScan>,
}

impl BodyStream {
    /// Goes on where `chunks` has come to.
    pub(super) fn new(stream: Stream, chunks: Option<ChunkScan>) -> Self {
        Self { stream, chunks }
    }

    fn judge(&mut self, came: &[u8]) -> io::Result<()> {
        let Some(chunks) = &mut self.chunks else {
            return Ok(());
        };
        chunks.advance(came).map(drop).map_err(|problem| {
            Watch::note_broken_body(problem);
            io::Error::new(io::ErrorKind::InvalidData, problem)
        })
    }
}

/// The connection itself, once the request is over.
pub(super) fn behind(stream: Stream) -> Option<Stream> {
    if !stream.as_any().is::<BodyStream>() {
        return Some(stream);
    }
    let body = stream.into_any().downcast::<BodyStream>().ok();
    body.map(|body| body.stream)
}

impl AsyncRead for BodyStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let most = buffer.remaining().min(READ_BYTES);
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(most));
        ready!(Pin::new(&mut self.stream).poll_read(context, &mut part))?;
        self.judge(part.filled())?;
        let read = part.filled().len();
        buffer.advance(read);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for BodyStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffers: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, buffers)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[async_trait]
impl Shutdown for BodyStream {
    async fn shutdown(&mut self) {
        Shutdown::shutdown(&mut *self.stream).await;
    }
}

answered_by_the_wrapped_stream!(BodyStream);

#[cfg(test)]
mod tests {
    use pingora_core::protocols::l4::stream::Stream as Socket;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    #[tokio::test]
    async fn the_connection_comes_back_without_what_followed_a_body() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let socket = TcpStream::connect(listener.local_addr().unwrap());
        let mut stream: Stream = Box::new(Socket::from(socket.await.unwrap()));
        for chunks in [None, Some(ChunkScan::default())] {
            stream = Box::new(BodyStream::new(stream, chunks));
            assert!(!stream.as_any().is::<Socket>());
            stream = behind(stream).unwrap();
            assert!(stream.as_any().is::<Socket>());
        }
    }
}
