//! Where a gateway's time goes on the warm path, as perf samples it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::counting::dump;
use crate::load::{Load, Pace, Wire};
use crate::scenario::Scenario;
use crate::stage::{Stage, Ticket};
use crate::target::{Manner, Side, Target, send};
use crate::{Outcome, tools};

/// Requests at the same time, a session for each.
const CONNECTIONS: usize = 64;
/// Samples per second and thread; no multiple of what a timer of the program could have.
const FREQUENCY: &str = "499";
/// How callers are found, and how many bytes of each stack are kept for it.
const STACK: &str = "dwarf,16384";

/// Loads a gateway, or a bare proxy, with requests of cached sessions and writes perf's samples of
/// so many seconds to `output`. Returns the requests of that time, for samples per request.
///
/// # Errors
/// The gateway or perf does not start, or an answer was wrong.
pub fn record(subject: &Subject<'_>, seconds: u16, output: &Path) -> Outcome<u64> {
    let perf = tools::find(tools::PERF)?;
    let stage = Stage::set()?;
    let target = subject.start(&stage, Vec::new())?;
    let tickets = subject.tickets(&stage, &target)?;
    let mut command = Command::new(perf);
    // The software clock: machines that are shared have no counters of the processor. Callers are
    // found by the unwinding tables that every build has, so the deployed build can be looked at.
    command.args(["record", "--quiet", "-e", "cpu-clock", "-F", FREQUENCY]);
    command.args(["--call-graph", STACK]);
    command.args(["-p", &target.process.id().to_string(), "-o"]);
    command
        .arg(output)
        .args(["--", "sleep"])
        .arg(seconds.to_string());
    let load = Load {
        address: target.address,
        wire: Wire::Plain,
        connections: CONNECTIONS,
        warm_up: Duration::from_secs(1),
        pace: Pace::Unbounded,
        // perf takes a moment to begin and to end.
        time: Duration::from_secs(u64::from(seconds) + 1),
        requests: u64::MAX,
    };
    let mut recording = None;
    let answered = load.run(&Scenario::Warm.ask(&tickets), &mut || {
        // Called before and after the measured stretch.
        recording.get_or_insert_with(|| command.spawn());
    })?;
    let ended = recording.ok_or("nothing was recorded")??.wait()?;
    match ended.success() && answered.wrong == 0 && answered.right > 0 {
        true => Ok(answered.right),
        false => Err(format!(
            "perf: {ended}; {} right answers and {} wrong ones",
            answered.right, answered.wrong
        )
        .into()),
    }
}

/// Requests that Callgrind counts, as many as come before them.
const COUNTED: u64 = 600;

/// Counts the instructions of a program's functions on the warm path by Callgrind and writes them
/// to `output` with `.2` behind it; `callgrind_annotate` reads it. Returns the requests that were counted.
///
/// # Errors
/// Valgrind is missing, the program does not start, or an answer was wrong.
pub fn count(subject: &Subject<'_>, output: &Path) -> Outcome<u64> {
    tools::find(tools::VALGRIND)?;
    let stage = Stage::set()?;
    let file = format!("--callgrind-out-file={}", output.display());
    let words = ["valgrind", "--tool=callgrind", &file];
    let target = subject.start(&stage, words.map(str::to_owned).into())?;
    let ask = Scenario::Warm.ask(&subject.tickets(&stage, &target)?);
    send(&target, Wire::Plain, &ask, COUNTED)?;
    dump(target.process.id(), output, 1)?;
    send(&target, Wire::Plain, &ask, COUNTED)?;
    dump(target.process.id(), output, 2)?;
    Ok(COUNTED)
}

/// What is looked at.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'p> {
    /// Its kind.
    pub side: Side,
    /// Its program.
    pub program: &'p Path,
    /// A gateway's session cache keeps nothing.
    pub cold: bool,
}

impl Subject<'_> {
    fn start(&self, stage: &Stage, prefix: Vec<String>) -> Outcome<Target> {
        let manner = Manner {
            prefix,
            cold: self.cold,
            ..Manner::default()
        };
        Target::start(stage, self.side, self.program, &manner)
    }

    /// Sessions at a gateway; a bare proxy passes whatever it gets, so one cookie as long as theirs.
    fn tickets(&self, stage: &Stage, target: &Target) -> Outcome<Vec<Ticket>> {
        match self.side {
            Side::Gateway => {
                let tickets = stage.log_in(&target.url(), CONNECTIONS)?;
                target.check_tokens(tickets.get(..2).unwrap_or(&tickets), &[])?;
                Ok(tickets)
            }
            Side::Stock | Side::Same => Ok(vec![Ticket {
                user: "nobody",
                cookie: format!("bff_session={}", "x".repeat(43)),
                csrf: String::new(),
            }]),
        }
    }
}
