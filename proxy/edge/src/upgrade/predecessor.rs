//! The new process's part: it asks the one that runs, and says when that one may stop.

use std::io;
use std::path::Path;

use socket2::Socket;
use tokio::net::UnixStream;

use super::name::Name;
use super::wire::Wire;
use super::{GREETING, STEP, greeting};

const REFUSED: &str = "refused ";

/// The process that serves until this one does.
pub(crate) struct Predecessor(pub(super) Wire);

/// What has become of it.
pub(super) enum Replaced {
    /// There is none, or none any more.
    Nobody,
    /// It stops once it is [dismissed](Predecessor::dismiss).
    Willing(Predecessor),
    /// It goes on.
    Refused(String),
}

/// Connects to the process that runs, and takes its listening sockets.
///
/// # Errors
/// Nobody is there, it is another user's, it speaks otherwise, or it sends what cannot be served.
pub(super) async fn take_over(path: &Path) -> Result<(Predecessor, Vec<(Name, Socket)>), String> {
    let shown = path.display();
    let stream = tokio::time::timeout(STEP, UnixStream::connect(path)).await;
    let stream = stream.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()));
    let stream = stream.map_err(|error| {
        format!("--upgrade: no gateway listens on upgrade_socket {shown}: {error}; start it without --upgrade")
    })?;
    let failed = |why: String| format!("--upgrade: the gateway at upgrade_socket {shown} {why}");
    receive(Wire::new(stream)).await.map_err(failed)
}

async fn receive(mut wire: Wire) -> Result<(Predecessor, Vec<(Name, Socket)>), String> {
    if !wire.is_of_our_user().map_err(broke_off)? {
        return Err("is another user's".into());
    }
    wire.send(&greeting(), None, STEP)
        .await
        .map_err(broke_off)?;
    let theirs = wire.line(STEP).await.map_err(broke_off)?;
    judge_greeting(&theirs)?;
    let mut sockets = Vec::new();
    loop {
        let line = wire.line(STEP).await.map_err(broke_off)?;
        if let Some(why) = line.strip_prefix(REFUSED) {
            return Err(format!("refuses: {why}"));
        }
        if line == format!("sockets {}", sockets.len()) {
            return Ok((Predecessor(wire), sockets));
        }
        let name = Name::parse(&line).zip(wire.descriptor());
        let Some((name, descriptor)) = name else {
            return Err("sends what is no listening socket".into());
        };
        sockets.push((name, name.check(descriptor)?));
    }
}

fn broke_off(error: io::Error) -> String {
    match error.kind() {
        io::ErrorKind::TimedOut => "does not answer".into(),
        io::ErrorKind::UnexpectedEof => "broke off".into(),
        _ => format!("broke off: {error}"),
    }
}

/// # Errors
/// The other side does not speak as we do.
pub(super) fn judge_greeting(theirs: &str) -> Result<(), String> {
    if theirs == greeting() {
        return Ok(());
    }
    match theirs.strip_prefix(GREETING) {
        Some(version) if version.bytes().all(|byte| byte.is_ascii_digit()) => Err(format!(
            "speaks another upgrade protocol ({version}, this build {}): stop the one and start the other",
            super::PROTOCOL
        )),
        _ => Err("does not speak the upgrade protocol".into()),
    }
}

impl Predecessor {
    /// Says that this process accepts connections. Exactly one of the two goes on: the other one,
    /// unless it agrees or is dead.
    pub(super) async fn replace(mut self) -> Replaced {
        // What it said before it went away can be read all the same.
        let _ = self.0.send("ready", None, STEP).await;
        match self.0.line(STEP).await {
            Ok(line) if line == "yours" => Replaced::Willing(self),
            Ok(line) => Replaced::Refused(
                line.strip_prefix(REFUSED)
                    .unwrap_or("it says something else")
                    .to_owned(),
            ),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {
                Replaced::Refused("it does not answer".into())
            }
            Err(error) => {
                tracing::warn!(target: "tokenbridge", %error, "the gateway from before ended while this one started");
                Replaced::Nobody
            }
        }
    }

    /// The other one stops now.
    pub(super) async fn dismiss(self) {
        // A process that has ended meanwhile has stopped as well.
        let _ = self.0.send("done", None, STEP).await;
    }
}
