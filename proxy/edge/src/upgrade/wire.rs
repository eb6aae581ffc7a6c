//! The connection between two processes: lines, some of which bring a descriptor along.

use std::collections::VecDeque;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Duration;

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use tokio::io::Interest;
use tokio::net::UnixStream;

/// The longest line: a name, or a reason.
const LONGEST: usize = 512;

/// One end of it.
#[derive(Debug)]
pub(super) struct Wire {
    stream: UnixStream,
    bytes: Vec<u8>,
    /// They came with what was read, in this order.
    descriptors: VecDeque<OwnedFd>,
}

impl Wire {
    pub(super) fn new(stream: UnixStream) -> Self {
        Self {
            stream,
            bytes: Vec::new(),
            descriptors: VecDeque::new(),
        }
    }

    /// Whether the process at the other end is of our own user, who may trace us anyway.
    ///
    /// # Errors
    /// The system does not say.
    pub(super) fn is_of_our_user(&self) -> io::Result<bool> {
        let peer = self.stream.peer_cred()?;
        Ok(peer.uid() == rustix::process::geteuid().as_raw())
    }

    /// Sends a line, and a descriptor with it.
    ///
    /// # Errors
    /// The other end is gone, or took nothing for as long as `limit`.
    pub(super) async fn send(
        &self,
        line: &str,
        descriptor: Option<BorrowedFd<'_>>,
        limit: Duration,
    ) -> io::Result<()> {
        let whole = async {
            let line = format!("{line}\n");
            let (mut rest, mut descriptor) = (line.as_bytes(), descriptor);
            while !rest.is_empty() {
                let once = || send_once(&self.stream, rest, descriptor);
                let sent = self.stream.async_io(Interest::WRITABLE, once).await?;
                rest = rest.get(sent..).unwrap_or_default();
                descriptor = None;
            }
            Ok(())
        };
        within(limit, whole).await
    }

    /// The next line.
    ///
    /// # Errors
    /// The other end is gone, said nothing for as long as `limit`, or sends something else.
    pub(super) async fn line(&mut self, limit: Duration) -> io::Result<String> {
        let whole = async {
            loop {
                if let Some(end) = self.bytes.iter().position(|byte| *byte == b'\n') {
                    let rest = self.bytes.split_off(end + 1);
                    let mut line = std::mem::replace(&mut self.bytes, rest);
                    line.truncate(end);
                    return String::from_utf8(line).map_err(|_| garbage("a line is no text"));
                }
                if self.bytes.len() > LONGEST {
                    return Err(garbage("a line is too long"));
                }
                self.receive().await?;
            }
        };
        within(limit, whole).await
    }

    /// The descriptor that came with a line.
    pub(super) fn descriptor(&mut self) -> Option<OwnedFd> {
        self.descriptors.pop_front()
    }

    async fn receive(&mut self) -> io::Result<()> {
        let (bytes, descriptors) = (&mut self.bytes, &mut self.descriptors);
        // Not tokio's own read: after one that ends behind a descriptor it would wait for news,
        // although more is there.
        let once = || receive_once(&self.stream, bytes, descriptors);
        match self.stream.async_io(Interest::READABLE, once).await? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

async fn within<T>(limit: Duration, whole: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    match tokio::time::timeout(limit, whole).await {
        Ok(result) => result,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

fn garbage(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.to_owned())
}

fn send_once(
    stream: &UnixStream,
    bytes: &[u8],
    descriptor: Option<BorrowedFd<'_>>,
) -> io::Result<usize> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let descriptors = descriptor.as_slice();
    if !descriptors.is_empty() && !control.push(SendAncillaryMessage::ScmRights(descriptors)) {
        return Err(io::Error::other("no room for a descriptor"));
    }
    let bytes = [IoSlice::new(bytes)];
    Ok(sendmsg(stream, &bytes, &mut control, SendFlags::NOSIGNAL)?)
}

/// A read ends behind the bytes that came with a descriptor (unix(7)), so one is room enough.
fn receive_once(
    stream: &UnixStream,
    bytes: &mut Vec<u8>,
    descriptors: &mut VecDeque<OwnedFd>,
) -> io::Result<usize> {
    let mut read = [0; LONGEST];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = {
        let mut slices = [IoSliceMut::new(&mut read)];
        recvmsg(stream, &mut slices, &mut control, RecvFlags::CMSG_CLOEXEC)?
    };
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(came) = message {
            descriptors.extend(came);
        }
    }
    if received.flags.contains(ReturnFlags::CTRUNC) {
        return Err(garbage("a descriptor did not come through (LimitNOFILE?)"));
    }
    bytes.extend_from_slice(read.get(..received.bytes).unwrap_or_default());
    Ok(received.bytes)
}
