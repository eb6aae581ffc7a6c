//! How the kernel is to treat this process beside the one that is measured. They share a machine:
//! whenever an answer comes, the kernel would take a processor from the measured program to let the
//! load generator or the backend run, several times for each of its wake-ups, and charge it for the
//! switches. No client that is on another machine does that.

use std::process::Command;

use crate::{Outcome, tools};

/// While this lives, no thread of this process interrupts another program's: each waits until that
/// waits or its turn is over (SCHED_BATCH, sched(7)). What is started meanwhile is patient as well, so
/// nothing that is measured may be.
pub struct Patient(());

impl Patient {
    /// From now on.
    ///
    /// # Errors
    /// `chrt` is missing or may not.
    pub fn begin() -> Outcome<Self> {
        set("--batch")?;
        Ok(Self(()))
    }
}

impl Drop for Patient {
    fn drop(&mut self) {
        // What stays patient is measured like the rest.
        let _ = set("--other");
    }
}

/// Checks that [`Patient`] may be, before anything is measured.
///
/// # Errors
/// As [`Patient::begin`].
pub fn check() -> Outcome<()> {
    Patient::begin().map(drop)
}

/// What is said of a thread that has ended meanwhile, which is no failure.
const GONE: &str = "No such process";

fn set(policy: &str) -> Outcome<()> {
    let chrt = tools::find(tools::CHRT)?;
    let process = std::process::id().to_string();
    let ended = Command::new(chrt)
        .args(["--all-tasks", policy, "--pid", "0"])
        .arg(process)
        .output()?;
    let told = String::from_utf8_lossy(&ended.stderr);
    let others = told.lines().find(|line| !line.ends_with(GONE));
    match (ended.status.success(), others) {
        (false, Some(problem)) => Err(format!("chrt {policy}: {problem}").into()),
        (true, _) | (false, None) => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The scheduling policy of a thread (proc_pid_stat(5), field 41).
    fn policy(stat: &str) -> u32 {
        let text = std::fs::read_to_string(stat).unwrap();
        let behind_the_name = text.rsplit(')').next().unwrap();
        let fields: Vec<&str> = behind_the_name.split_whitespace().collect();
        fields[41 - 3].parse().unwrap()
    }

    #[test]
    fn threads_are_patient_while_it_lives_and_what_is_started_later_is_not() {
        const BATCH: u32 = 3;
        let patient = Patient::begin().unwrap();
        assert_eq!(policy("/proc/thread-self/stat"), BATCH);
        drop(patient);
        assert_eq!(policy("/proc/thread-self/stat"), 0);
        let mut started = Command::new("sleep").arg("5").spawn().unwrap();
        assert_eq!(policy(&format!("/proc/{}/stat", started.id())), 0);
        started.kill().unwrap();
        started.wait().unwrap();
    }
}
