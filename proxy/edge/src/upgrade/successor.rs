//! The old process's part: it hands its listening sockets to a new one, and stops once that one
//! accepts connections on them. Nothing that a new process does or leaves undone ends it before.

use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};

use super::name::Name;
use super::predecessor::judge_greeting;
use super::socket_file::SocketFile;
use super::wire::Wire;
use super::{START, STEP, greeting};
use crate::drain::Drain;

/// How long nobody is accepted after a failure of the system.
const PAUSE: Duration = Duration::from_secs(1);

/// What is handed over, and to whom.
struct Running {
    file: Arc<SocketFile>,
    drain: Arc<Drain>,
    is_under_way: AtomicBool,
}

/// Waits for a new process until this one stops, by its hand or another's.
pub(super) async fn serve(
    listener: UnixListener,
    file: Arc<SocketFile>,
    offered: Vec<(Name, OwnedFd)>,
    drain: Arc<Drain>,
) {
    let running = Arc::new(Running {
        file,
        drain,
        is_under_way: AtomicBool::new(false),
    });
    let offered = Arc::new(offered);
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            // The copies would keep the ports after the listeners are closed.
            () = running.drain.begun() => return running.file.remove(),
        };
        match accepted {
            Ok((stream, _)) => {
                let (running, offered) = (running.clone(), offered.clone());
                tokio::spawn(async move { running.answer(stream, offered).await });
            }
            Err(error) => {
                tracing::error!(target: "tokenbridge", %error, "upgrade_socket: nobody can be accepted");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

impl Running {
    async fn answer(&self, stream: UnixStream, offered: Arc<Vec<(Name, OwnedFd)>>) {
        let mut wire = Wire::new(stream);
        if let Err(why) = self.greet(&mut wire).await {
            return refuse(&wire, &why).await;
        }
        if self.is_under_way.swap(true, Ordering::Relaxed) {
            return refuse(&wire, "another upgrade is under way").await;
        }
        match self.hand_over(&mut wire, offered).await {
            Ok(()) => {
                // In this order: the file is the new process's from now on.
                self.file.leave();
                self.drain.hand_over();
            }
            Err(why) => {
                self.is_under_way.store(false, Ordering::Relaxed);
                refuse(&wire, &why).await;
            }
        }
    }

    async fn greet(&self, wire: &mut Wire) -> Result<(), String> {
        if !matches!(wire.is_of_our_user(), Ok(true)) {
            return Err("only a process of the gateway's own user is answered".into());
        }
        let sent = wire.send(&greeting(), None, STEP).await;
        sent.map_err(|error| error.to_string())?;
        let theirs = wire.line(STEP).await.map_err(|error| match error.kind() {
            io::ErrorKind::TimedOut => format!("nothing was said for {STEP:?}"),
            _ => error.to_string(),
        })?;
        judge_greeting(&theirs).map_err(|why| format!("the new process {why}"))
    }

    async fn hand_over(
        &self,
        wire: &mut Wire,
        offered: Arc<Vec<(Name, OwnedFd)>>,
    ) -> Result<(), String> {
        let went_away =
            |error: io::Error| format!("the new process does not take the sockets: {error}");
        for (name, socket) in offered.iter() {
            let sent = wire
                .send(&name.to_string(), Some(socket.as_fd()), STEP)
                .await;
            sent.map_err(went_away)?;
        }
        let end = format!("sockets {}", offered.len());
        drop(offered);
        wire.send(&end, None, STEP).await.map_err(went_away)?;
        tracing::info!(target: "tokenbridge", "a new process starts on the sockets of this one");
        expect(wire, "ready", START).await?;
        wire.send("yours", None, STEP).await.map_err(went_away)?;
        expect(wire, "done", STEP).await
    }
}

async fn expect(wire: &mut Wire, word: &str, limit: Duration) -> Result<(), String> {
    match wire.line(limit).await {
        Ok(line) if line == word => Ok(()),
        Ok(_) => Err("the new process says something else".into()),
        Err(error) if error.kind() == io::ErrorKind::TimedOut => {
            Err(format!("the new process was not ready in {limit:?}"))
        }
        Err(_) => Err("the new process ended before it was ready".into()),
    }
}

async fn refuse(wire: &Wire, why: &str) {
    tracing::warn!(target: "tokenbridge", "no upgrade, this process goes on: {why}");
    // Who has gone away needs no answer.
    let _ = wire.send(&format!("refused {why}"), None, STEP).await;
}
