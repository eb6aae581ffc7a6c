//! System calls of a request, as the kernel's tracepoint counts them, where it may be read.

use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use super::of;
use crate::load::{Load, Pace};
use crate::scenario::Scenario;
use crate::stage::Ticket;
use crate::target::{Side, Target, requests};
use crate::{Outcome, tools};

/// How long perf takes to begin: it does not say when it counts.
const PERF_BEGINS: Duration = Duration::from_millis(150);

/// Counts those of a stretch of load whose connections are open already. `None` where perf is
/// missing or may not count.
///
/// # Errors
/// An answer was wrong.
pub fn each(
    target: &Target,
    scenario: Scenario,
    side: Side,
    tickets: &[Ticket],
) -> Outcome<Option<f64>> {
    let Ok(perf) = tools::find(tools::PERF) else {
        return Ok(None);
    };
    let mut command = Command::new(perf);
    command.args(["stat", "-x", ",", "-e", "raw_syscalls:sys_enter", "-p"]);
    command.arg(target.process.id().to_string());
    command.stdout(Stdio::null()).stderr(Stdio::piped());
    let load = Load {
        connections: 64,
        warm_up: Duration::from_millis(100),
        time: Duration::from_millis(400),
        pace: Pace::Unbounded,
        ..requests(target.address(scenario.wire()), scenario.wire(), u64::MAX)
    };
    // Called before and after the measured stretch; nothing is sent while perf begins.
    let mut begun = None;
    let mut told = Err("perf did not begin".into());
    let answered = load.run(&of(side, scenario, tickets), &mut || match begun.take() {
        None => {
            begun = Some(command.spawn());
            std::thread::sleep(PERF_BEGINS);
        }
        Some(counter) => told = end(counter),
    })?;
    match answered.wrong == 0 && answered.right > 0 {
        true => Ok(told
            .ok()
            .and_then(|told| calls(&told))
            .map(|calls| calls / answered.right as f64)),
        false => Err(format!("{} of the answers were wrong", answered.wrong).into()),
    }
}

/// Ends perf; what it says.
fn end(counter: std::io::Result<Child>) -> Outcome<String> {
    let mut counter = counter?;
    let id = counter.id().to_string();
    Command::new("kill").args(["-INT", &id]).status()?;
    let mut told = String::new();
    if let Some(mut output) = counter.stderr.take() {
        output.read_to_string(&mut told)?;
    }
    counter.wait()?;
    Ok(told)
}

/// `None` where it was not allowed to count.
fn calls(told: &str) -> Option<f64> {
    let line = told.lines().find(|line| line.contains("sys_enter"))?;
    line.split(',').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_count_is_read_and_a_refusal_is_none() {
        let counted = "41233,,raw_syscalls:sys_enter,2400,100.00,,";
        assert_eq!(calls(counted), Some(41_233.0));
        assert_eq!(calls("<not supported>,,raw_syscalls:sys_enter,0,0,,"), None);
        assert_eq!(calls("Error: no permission"), None);
    }
}
