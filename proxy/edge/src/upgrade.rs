//! A new process takes over from the one that runs, without a moment in which nobody accepts.
//!
//! | who | says | and |
//! |---|---|---|
//! | both | `tokenbridge-upgrade 1` | go no further where the other's number is another one |
//! | old | `public 0.0.0.0:443`, once for each listening socket | the socket comes with the line |
//! | old | `sockets 5` | waits for as long as a start may take |
//! | new | `ready` | accepts connections on all of them by now |
//! | old | `yours` | waits for the last word |
//! | new | `done` | tells the service manager, and takes over the socket file |
//! | old | | stops |
//!
//! In the place of each of its lines the old one may say `refused WHY`. Whatever else happens before
//! `done`, it goes on as if nobody had asked.
//!
//! | module | owns |
//! |---|---|
//! | [`name`] | what a socket is for, and whether it is one |
//! | [`wire`] | lines and descriptors |
//! | [`socket_file`] | where the two meet |
//! | [`predecessor`] | the new process's part |
//! | [`successor`] | the old process's part |
//! | [`service_manager`] | who has to know which process it is |

mod name;
mod predecessor;
mod service_manager;
mod socket_file;
mod successor;
mod wire;

use std::net::{SocketAddr, TcpListener};
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use socket2::Socket;
use tokenbridge_config::Configuration;
use tokio::runtime::Runtime;

use crate::drain::Drain;
use crate::listeners;
use name::Name;
use predecessor::{Predecessor, Replaced};

pub(crate) use name::Use;
pub(crate) use socket_file::SocketFile;

/// What both sides say first. What follows it changes with the number.
const GREETING: &str = "tokenbridge-upgrade ";
const PROTOCOL: u32 = 1;
/// How long the other process may take for a line that it owes at once.
const STEP: Duration = Duration::from_secs(5);
/// How long a new process may take to accept connections.
const START: Duration = Duration::from_secs(60);

fn greeting() -> String {
    format!("{GREETING}{PROTOCOL}")
}

/// What was taken over from the process before this one, and what the next one can have.
#[derive(Default)]
pub(crate) struct Handover {
    file: Option<Arc<SocketFile>>,
    predecessor: Option<Predecessor>,
    inherited: Vec<(Name, Socket)>,
    offered: Vec<(Name, OwnedFd)>,
}

impl Handover {
    /// Asks the running gateway for its listening sockets, where this start is an `upgrade`.
    ///
    /// # Errors
    /// There is nobody to take over from, or the other one refuses; where it is no upgrade, the
    /// place for the next one cannot be used.
    pub(crate) fn begin(
        configuration: &Configuration,
        upgrade: bool,
        runtime: &Runtime,
    ) -> Result<Self, String> {
        let Some(path) = &configuration.upgrade_socket else {
            return match upgrade {
                true => Err("--upgrade needs upgrade_socket in settings.yaml".into()),
                false => Ok(Self::default()),
            };
        };
        let mut begun = Self {
            file: Some(Arc::new(SocketFile::at(path)?)),
            ..Self::default()
        };
        if upgrade {
            let taken = runtime.block_on(take_over(path))?;
            (begun.predecessor, begun.inherited) = (Some(taken.0), taken.1);
        }
        Ok(begun)
    }

    /// The sockets that listen there already, for the same use.
    pub(crate) fn inherit(&mut self, used: Use, address: SocketAddr) -> Vec<Socket> {
        let name = Name { used, address };
        let sockets = self.inherited.extract_if(.., |(other, _)| *other == name);
        sockets.map(|(_, socket)| socket).collect()
    }

    /// Keeps a copy of a listening socket for the next process.
    ///
    /// # Errors
    /// No more descriptors.
    pub(crate) fn offer(&mut self, used: Use, socket: &Socket) -> Result<(), String> {
        if self.file.is_none() {
            return Ok(());
        }
        let copied = || {
            let address = socket.local_addr()?.as_socket();
            let address = address.ok_or(std::io::ErrorKind::Unsupported)?;
            let copy = socket.as_fd().try_clone_to_owned()?;
            Ok::<_, std::io::Error>((Name { used, address }, copy))
        };
        let copy = copied().map_err(|error| format!("upgrade_socket: {error}"))?;
        self.offered.push(copy);
        Ok(())
    }

    /// A listener of one socket: the inherited one, or one bound where nobody else listens.
    ///
    /// # Errors
    /// The address cannot be listened on.
    pub(crate) fn listen(&mut self, used: Use, address: SocketAddr) -> Result<TcpListener, String> {
        let socket = match self.inherit(used, address).pop() {
            Some(socket) => socket,
            None => listeners::bind(address)?.into(),
        };
        self.offer(used, &socket)?;
        Ok(socket.into())
    }

    /// Takes over once every listener takes connections, and then waits for the next one. What was
    /// inherited and is not served by now is closed.
    ///
    /// # Errors
    /// The place for the next one cannot be used, where nobody had it before.
    pub(crate) fn go_on(
        self,
        runtime: &Runtime,
        drain: &Arc<Drain>,
    ) -> Result<Option<Arc<SocketFile>>, String> {
        let bound = match (&self.file, &self.predecessor) {
            (Some(file), None) => Some(file.bind()?),
            (Some(_), Some(_)) | (None, _) => None,
        };
        let file = self.file.clone();
        let (predecessor, offered) = (self.predecessor, self.offered);
        let place = (self.file, bound);
        runtime.spawn(follow(predecessor, place, offered, drain.clone()));
        Ok(file)
    }
}

async fn take_over(path: &Path) -> Result<(Predecessor, Vec<(Name, Socket)>), String> {
    let (predecessor, sockets) = predecessor::take_over(path).await?;
    tracing::info!(target: "tokenbridge", "taking over {} listening sockets from the gateway at {}", sockets.len(), path.display());
    Ok((predecessor, sockets))
}

type Place = (
    Option<Arc<SocketFile>>,
    Option<std::os::unix::net::UnixListener>,
);

async fn follow(
    predecessor: Option<Predecessor>,
    (file, bound): Place,
    offered: Vec<(Name, OwnedFd)>,
    drain: Arc<Drain>,
) {
    drain.all_listening().await;
    let replaced = match predecessor {
        Some(predecessor) => predecessor.replace().await,
        None => Replaced::Nobody,
    };
    match replaced {
        Replaced::Nobody => service_manager::tell_ready(),
        Replaced::Willing(predecessor) => {
            // Before the other one's end: it was the service's main process until now.
            service_manager::tell_ready();
            predecessor.dismiss().await;
            tracing::info!(target: "tokenbridge", "the gateway from before stops: this one serves in its place");
        }
        Replaced::Refused(why) => {
            tracing::error!(target: "tokenbridge", "the running gateway goes on, this one stops: {why}");
            drain.give_up();
            return;
        }
    }
    let Some(file) = file else { return };
    let bound = match bound {
        Some(bound) => Ok(bound),
        None => file.replace(),
    };
    let listener = bound.and_then(|bound| {
        tokio::net::UnixListener::from_std(bound).map_err(|error| error.to_string())
    });
    match listener {
        Ok(listener) => successor::serve(listener, file, offered, drain).await,
        Err(error) => {
            tracing::error!(target: "tokenbridge", "no later process can take over from this one: {error}");
        }
    }
}

#[cfg(test)]
mod tests;
