//! What is measured: a gateway or a bare proxy.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Outcome;
use crate::bearer::{check_token, claims};
use crate::gateway::{Gateway, Setup};
use crate::load::{Ask, Load, Pace, Wire};
use crate::process::{Process, free_address};
use crate::stage::{Stage, Ticket};

/// Which of the compared programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Side {
    /// Bare Pingora as its quick start has it.
    Stock,
    /// Bare Pingora with the gateway's profile, allocator and shape.
    Same,
    /// The gateway.
    Gateway,
}

impl Side {
    /// All of them, in the order of the table.
    pub const ALL: [Self; 3] = [Self::Stock, Self::Same, Self::Gateway];

    /// Its name in table and JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Stock => "bare, stock",
            Self::Same => "bare, same build",
            Self::Gateway => "tokenbridge",
        }
    }
}

/// A program that takes requests.
pub struct Target {
    /// Its process.
    pub process: Process,
    /// Where it listens in the clear.
    pub address: SocketAddr,
    /// Where it listens with TLS.
    pub tls: SocketAddr,
    /// Where a gateway tells its metrics.
    pub admin: Option<SocketAddr>,
}

/// How often a program is started before it is given up.
const ATTEMPTS: usize = 4;

/// Where the programs are.
#[derive(Clone, Debug)]
pub struct Programs {
    /// Those of the profile `dist`: what is deployed.
    pub dist: PathBuf,
    /// Those of cargo's release profile.
    pub release: PathBuf,
}

impl Programs {
    /// The program of a side, and the one of it whose allocations are counted.
    pub fn of(&self, side: Side) -> (PathBuf, PathBuf) {
        match side {
            Side::Stock => (
                self.release.join("bare-stock"),
                self.release.join("bare-counted"),
            ),
            Side::Same => (
                self.dist.join("bare-same"),
                self.release.join("bare-counted"),
            ),
            Side::Gateway => (
                self.dist.join("tokenbridge"),
                self.release.join("tokenbridge-counted"),
            ),
        }
    }
}

/// How a program is run: by another one, or with variables.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// A program that runs it, with that program's arguments.
    pub prefix: Vec<String>,
    /// Its environment.
    pub environment: Vec<(&'static str, String)>,
    /// More arguments of a bare proxy.
    pub arguments: Vec<String>,
    /// The gateway's session cache keeps nothing.
    pub cold: bool,
}

impl Target {
    /// Starts a side's program.
    ///
    /// # Errors
    /// It does not start.
    pub fn start(stage: &Stage, side: Side, program: &Path, manner: &Manner) -> Outcome<Self> {
        let start = || match side {
            Side::Stock | Side::Same => bare(stage, program, manner),
            Side::Gateway => gateway(stage, program, manner),
        };
        // Somebody else may take a free port before the program does.
        let mut started = start();
        for _ in 1..ATTEMPTS {
            started = match started {
                Err(_) => start(),
                started => return started,
            };
        }
        started
    }

    /// Where requests go that are sent over this wire.
    pub fn address(&self, wire: Wire) -> SocketAddr {
        match wire {
            Wire::Plain => self.address,
            Wire::Tls | Wire::TlsHttp2 => self.tls,
        }
    }

    /// Its address as browsers see it.
    pub fn url(&self) -> String {
        format!("http://localhost:{}", self.address.port())
    }

    /// How often a gateway has read a session from its store.
    ///
    /// # Errors
    /// It is no gateway, or does not answer.
    pub fn store_reads(&self) -> Outcome<u64> {
        const READS: &str = "bff_redis_operations_total{operation=\"read\",status=\"ok\"} ";
        let admin = self.admin.ok_or("a bare proxy has no store")?;
        let text = get(admin, "/metrics", &[])?;
        let reads = text.lines().find_map(|line| line.strip_prefix(READS));
        Ok(reads.map_or(Ok(0), str::parse)?)
    }

    /// Checks that the token which reaches the backend is the right user's, for the right service.
    ///
    /// # Errors
    /// It is not.
    pub fn check_tokens(&self, tickets: &[Ticket], fields: &[(String, String)]) -> Outcome<()> {
        for ticket in tickets {
            let cookie = ("Cookie".to_owned(), ticket.cookie.clone());
            let fields = [fields, &[cookie]].concat();
            let seen = get(self.address, "/api/whoami", &fields)?;
            check_token(&seen, ticket.user)?;
        }
        Ok(())
    }
}

impl Target {
    /// Checks that a token of the right user reaches the backend, whomever it is for.
    ///
    /// # Errors
    /// It does not.
    pub fn check_users(&self, tickets: &[Ticket]) -> Outcome<()> {
        for ticket in tickets {
            let claims = claims(&self.bearer(ticket)?, ticket.user)?;
            if claims
                .get("sub")
                .is_none_or(|subject| subject != ticket.user)
            {
                return Err(
                    format!("what reached the backend is not {}'s token", ticket.user).into(),
                );
            }
        }
        Ok(())
    }

    /// What the backend sees as `Authorization`.
    ///
    /// # Errors
    /// There is no answer.
    pub fn bearer(&self, ticket: &Ticket) -> Outcome<String> {
        let cookie = ("Cookie".to_owned(), ticket.cookie.clone());
        get(self.address, "/api/whoami", &[cookie])
    }
}

/// The body of the answer to a GET.
///
/// # Errors
/// There is no answer.
pub fn get(address: SocketAddr, path: &str, fields: &[(String, String)]) -> Outcome<String> {
    let mut text = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n");
    for (name, value) in fields {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    let mut stream = TcpStream::connect(address)?;
    stream.write_all(text.as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    let body = answer.split_once("\r\n\r\n");
    Ok(body.map(|(_, body)| body.to_owned()).ok_or("no answer")?)
}

fn bare(stage: &Stage, program: &Path, manner: &Manner) -> Outcome<Target> {
    let (address, tls) = (free_address()?, free_address()?);
    let mut words = manner.prefix.clone();
    words.push(program.to_string_lossy().into_owned());
    let [first, rest @ ..] = words.as_slice() else {
        return Err("no program".into());
    };
    let mut command = Command::new(first);
    command.args(rest).envs(manner.environment.iter().cloned());
    command.args(["--listen", &address.to_string()]);
    command.args(["--listen-tls", &tls.to_string()]);
    command.args(["--upstream", &stage.backend.address().to_string()]);
    command.arg("--certificate").arg(stage.path());
    command.args(&manner.arguments);
    let log = stage.path().join(format!("bare-{}.log", address.port()));
    let mut process = Process::start("the bare proxy", &mut command, &log)?;
    process.listens(address)?;
    process.listens(tls)?;
    Ok(Target {
        process,
        address,
        tls,
        admin: None,
    })
}

fn gateway(stage: &Stage, program: &Path, manner: &Manner) -> Outcome<Target> {
    let setup = Setup {
        program: program.to_owned(),
        issuer: stage.issuer().to_owned(),
        upstream: stage.backend.address(),
        redis: Some(stage.redis.url()),
        cache: if manner.cold { "1B" } else { "64MiB" },
        threads: None,
    };
    let started = Gateway::start(&setup, stage.path(), &manner.prefix, &manner.environment)?;
    Ok(Target {
        process: started.process,
        address: started.address,
        tls: started.tls,
        admin: Some(started.admin),
    })
}

/// A load of so many requests, for what is counted and not timed.
pub fn requests(address: SocketAddr, wire: Wire, count: u64) -> Load {
    Load {
        address,
        wire,
        connections: 4,
        warm_up: std::time::Duration::ZERO,
        pace: Pace::Unbounded,
        time: std::time::Duration::from_secs(120),
        requests: count,
    }
}

/// Sends so many requests and insists that all answers are right.
///
/// # Errors
/// One was wrong.
pub fn send(target: &Target, wire: Wire, ask: &Ask, count: u64) -> Outcome<()> {
    let answered = requests(target.address(wire), wire, count).run(ask, &mut || {})?;
    match answered.wrong == 0 && answered.right == count {
        true => Ok(()),
        false => Err(format!("{} of {count} answers were right", answered.right).into()),
    }
}
