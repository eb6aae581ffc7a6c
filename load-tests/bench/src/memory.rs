//! What a connection and a session take, and how soon the first request is answered.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Outcome;
use crate::load::{Load, Pace};
use crate::round::Sides;
use crate::scenario::Scenario;
use crate::seeding;
use crate::stage::Stage;
use crate::target::{Manner, Programs, Side, Target};

/// Idle connections that are opened at once.
const CONNECTIONS: usize = 1_000;
/// Sessions that are cached at once.
const SESSIONS: usize = 5_000;
/// Sessions that are cached before: what the first of all look-ups keeps belongs to none.
const SESSIONS_BEFORE: usize = 500;

/// Bytes and times of one side.
#[derive(Clone, Copy, Debug, Default)]
pub struct Memory {
    /// Resident bytes of the program before any request.
    pub at_start: u64,
    /// Resident bytes that each idle connection adds once it has had an answer.
    pub per_connection: f64,
    /// Resident bytes that each cached session adds.
    pub per_session: Option<f64>,
    /// From exec to the first answer, the median of five starts.
    pub first_answer: Duration,
}

/// Measures a side with programs of its own.
///
/// # Errors
/// A program does not start, or does not answer.
pub fn measure(stage: &Stage, programs: &Programs, side: Side) -> Outcome<Memory> {
    let (program, _) = programs.of(side);
    let first_answer = first_answer(stage, side, &program)?;
    let target = Target::start(stage, side, &program, &Manner::default())?;
    let at_start = target.process.resident()?;
    let per_connection = per_connection(&target)?;
    let per_session = match side {
        Side::Gateway => Some(per_session(stage, side, &program)?),
        Side::Stock | Side::Same => None,
    };
    Ok(Memory {
        at_start,
        per_connection,
        per_session,
        first_answer,
    })
}

/// Resident bytes that each idle connection without TLS adds to a program that has just started.
///
/// # Errors
/// It does not answer.
pub fn per_connection(target: &Target) -> Outcome<f64> {
    warm(target)?;
    let before = target.process.resident()?;
    let idle = idle_connections(target.address)?;
    Ok(grown(before, target.process.resident()?, idle.len()))
}

fn grown(before: u64, after: u64, count: usize) -> f64 {
    (after as f64 - before as f64) / count.max(1) as f64
}

/// A program that has never worked grows by what it keeps for ever: that belongs to no connection.
fn warm(target: &Target) -> Outcome<()> {
    let load = Load {
        address: target.address,
        wire: Scenario::Open.wire(),
        connections: 64,
        warm_up: Duration::ZERO,
        pace: Pace::Unbounded,
        time: Duration::from_millis(500),
        requests: u64::MAX,
    };
    load.run(&Scenario::Open.ask(&[]), &mut || {})?;
    Ok(())
}

fn idle_connections(address: SocketAddr) -> Outcome<Vec<TcpStream>> {
    let open = || {
        let mut stream = TcpStream::connect(address)?;
        ask(&mut stream, "/open/small", "")?;
        Ok(stream)
    };
    (0..CONNECTIONS).map(|_| open()).collect()
}

/// On a program of its own: one that has let connections go reuses what they had.
fn per_session(stage: &Stage, side: Side, program: &Path) -> Outcome<f64> {
    let cookies = seeding::sessions(stage, &stage.redis.url(), SESSIONS_BEFORE + SESSIONS)?;
    let (before, cookies) = cookies.split_at(SESSIONS_BEFORE.min(cookies.len()));
    let target = Target::start(stage, side, program, &Manner::default())?;
    let mut stream = TcpStream::connect(target.address)?;
    let mut ask_all = |cookies: &[String]| -> Outcome<()> {
        for cookie in cookies {
            let status = ask(&mut stream, "/api/small", cookie)?;
            if status != "200" {
                return Err(format!("a seeded session was answered {status}").into());
            }
        }
        Ok(())
    };
    ask_all(before)?;
    let resident = target.process.resident()?;
    ask_all(cookies)?;
    Ok(grown(resident, target.process.resident()?, cookies.len()))
}

fn first_answer(stage: &Stage, side: Side, program: &Path) -> Outcome<Duration> {
    let mut times = Vec::new();
    for _ in 0..5 {
        let begun = Instant::now();
        let target = Target::start(stage, side, program, &Manner::default())?;
        let mut stream = TcpStream::connect(target.address)?;
        let status = ask(&mut stream, "/open/small", "")?;
        times.push(begun.elapsed());
        if status != "200" {
            return Err(format!("{}: the first answer was {status}", side.name()).into());
        }
    }
    times.sort_unstable();
    Ok(times.get(2).copied().unwrap_or_default())
}

/// Sends one GET; the status.
fn ask(stream: &mut TcpStream, path: &str, cookie: &str) -> Outcome<String> {
    let cookie = match cookie {
        "" => String::new(),
        cookie => format!("Cookie: {cookie}\r\n"),
    };
    stream
        .write_all(format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n{cookie}\r\n").as_bytes())?;
    let mut bytes = Vec::new();
    let mut step = [0; 4096];
    loop {
        let head = crate::load::head::Head::parse(&bytes);
        if let Some(head) = head {
            let crate::load::head::Length::Bytes(body) = head.length else {
                return Ok(head.status.to_string());
            };
            if bytes.len() >= head.bytes + body {
                return Ok(head.status.to_string());
            }
        }
        match stream.read(&mut step)? {
            0 => return Err("the connection was closed before its answer".into()),
            read => bytes.extend_from_slice(step.get(..read).unwrap_or_default()),
        }
    }
}

/// Measures all sides.
///
/// # Errors
/// As [`measure`].
pub fn all(sides: &Sides<'_>, programs: &Programs) -> Outcome<Vec<(Side, Memory)>> {
    let measure = |side| Ok((side, measure(sides.stage, programs, side)?));
    Side::ALL.into_iter().map(measure).collect()
}
