//! Where a gateway's time goes on the warm path, as perf samples it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use crate::load::{Load, Pace, Wire};
use crate::scenario::Scenario;
use crate::stage::Stage;
use crate::target::{Manner, Side, Target};
use crate::{Outcome, tools};

/// Requests at the same time, a session for each.
const CONNECTIONS: usize = 64;
/// Samples per second and thread; no multiple of what a timer of the program could have.
const FREQUENCY: &str = "499";
/// How callers are found, and how many bytes of each stack are kept for it.
const STACK: &str = "dwarf,16384";

/// Loads a gateway with requests of cached sessions and writes perf's samples of so many seconds
/// to `output`.
///
/// # Errors
/// The gateway or perf does not start, or an answer was wrong.
pub fn record(program: &Path, seconds: u16, output: &Path) -> Outcome<()> {
    let perf = tools::find("perf", "apt-get install -y linux-perf")?;
    let stage = Stage::set()?;
    let target = Target::start(&stage, Side::Gateway, program, &Manner::default())?;
    let tickets = stage.log_in(&target.url(), CONNECTIONS)?;
    target.check_tokens(tickets.get(..2).unwrap_or(&tickets), &[])?;
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
        true => Ok(()),
        false => Err(format!(
            "perf: {ended}; {} right answers and {} wrong ones",
            answered.right, answered.wrong
        )
        .into()),
    }
}
