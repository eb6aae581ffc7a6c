//! A program under measurement: what it costs, as the kernel tells it.

use std::fs::File;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use crate::Outcome;

/// How long a program may take to listen. Callgrind slows it down fiftyfold.
const PATIENCE: Duration = Duration::from_secs(90);
/// How long it may take to end before it is killed.
const FAREWELL: Duration = Duration::from_secs(10);

/// A running program; dropping it ends it.
pub struct Process {
    name: String,
    child: Child,
}

impl Process {
    /// Starts a program. What it says goes to a file.
    ///
    /// # Errors
    /// It cannot be started.
    pub fn start(name: &str, command: &mut Command, log: &Path) -> Outcome<Self> {
        let output = File::create(log)?;
        let child = command
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .map_err(|error| format!("{name} cannot be started: {error}"))?;
        Ok(Self {
            name: name.to_owned(),
            child,
        })
    }

    /// Waits until somebody listens at an address.
    ///
    /// # Errors
    /// It ends, or nobody does in time.
    pub fn listens(&mut self, address: SocketAddr) -> Outcome<()> {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait()? {
                return Err(format!("{} ended ({status}); see its log", self.name).into());
            }
            if std::net::TcpStream::connect(address).is_ok() {
                return Ok(());
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        Err(format!("{} does not listen at {address}", self.name).into())
    }

    /// Its process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The processor time of its threads and of its children's so far.
    ///
    /// # Errors
    /// It has ended.
    pub fn cpu(&self) -> Outcome<Duration> {
        let mut nanos = 0;
        for process in family(self.id()) {
            nanos += cpu_of(process).map_err(|error| format!("{}: {error}", self.name))?;
        }
        Ok(Duration::from_nanos(nanos))
    }

    /// The bytes of its memory that are resident, its children's included.
    ///
    /// # Errors
    /// It has ended.
    pub fn resident(&self) -> Outcome<u64> {
        let mut bytes = 0;
        for process in family(self.id()) {
            let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
            let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
            let kibibytes =
                line.and_then(|line| line.trim().trim_end_matches(" kB").parse::<u64>().ok());
            bytes += kibibytes.unwrap_or(0) * 1024;
        }
        Ok(bytes)
    }

    /// Ends it as an operator does.
    pub fn stop(&mut self) {
        let id = self.id().to_string();
        // A process that has ended by itself needs no signal.
        let _ = Command::new("kill")
            .args(["-TERM", &id])
            .stderr(Stdio::null())
            .status();
        let begun = Instant::now();
        while begun.elapsed() < FAREWELL {
            if !matches!(self.child.try_wait(), Ok(None)) {
                return;
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A process and its descendants.
fn family(process: u32) -> Vec<u32> {
    let mut family = vec![process];
    let mut next = 0;
    while let Some(parent) = family.get(next).copied() {
        next += 1;
        let tasks = std::fs::read_dir(format!("/proc/{parent}/task"));
        for task in tasks.into_iter().flatten().flatten() {
            let children = std::fs::read_to_string(task.path().join("children"));
            let children = children.unwrap_or_default();
            family.extend(
                children
                    .split_whitespace()
                    .filter_map(|id| id.parse::<u32>().ok()),
            );
        }
    }
    family
}

/// Time on a processor, of all threads, in nanoseconds.
fn cpu_of(process: u32) -> Outcome<u64> {
    let mut nanos = 0;
    for task in std::fs::read_dir(format!("/proc/{process}/task"))? {
        // A thread may end between being listed and being read.
        let Ok(text) = std::fs::read_to_string(task?.path().join("schedstat")) else {
            continue;
        };
        let first = text.split_whitespace().next();
        nanos += first
            .and_then(|first| first.parse::<u64>().ok())
            .unwrap_or(0);
    }
    Ok(nanos)
}

/// A port of this machine that nobody listens on at this moment.
///
/// # Errors
/// None is left.
pub fn free_address() -> Outcome<SocketAddr> {
    Ok(std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}
