//! Programs that must be installed, and how.

use std::path::PathBuf;

use crate::Outcome;

/// A program and the command that installs it.
pub type Tool = (&'static str, &'static str);

/// Lets the load generator wait for what is measured.
pub const CHRT: Tool = ("chrt", "apt-get install -y util-linux");
/// Counts instructions.
pub const VALGRIND: Tool = ("valgrind", "apt-get install -y valgrind");
/// Samples, and counts system calls.
pub const PERF: Tool = ("perf", "apt-get install -y linux-perf");
/// Holds sessions.
pub const REDIS: Tool = ("redis-server", "apt-get install -y redis-server");

/// Where a program is, on the PATH or where Debian keeps servers.
///
/// # Errors
/// It is missing; the text names the command that installs it.
pub fn find((program, install): (&str, &str)) -> Outcome<PathBuf> {
    let path = std::env::var("PATH").unwrap_or_default();
    // Where Debian keeps servers, and where `go install` puts programs.
    let home = std::env::var("HOME").unwrap_or_default();
    let go = std::env::var("GOPATH").unwrap_or(format!("{home}/go")) + "/bin";
    let folders = path.split(':').chain(["/usr/sbin", "/usr/local/sbin", &go]);
    let found = folders
        .map(|folder| PathBuf::from(folder).join(program))
        .find(|candidate| candidate.is_file());
    Ok(found.ok_or_else(|| format!("{program} is missing; install it: {install}"))?)
}

/// Checks that all of these are there, before minutes have been spent on what needs none of them.
///
/// # Errors
/// Each that is missing, with the command that installs it.
pub fn all(wanted: &[Tool]) -> Outcome<()> {
    let missing = wanted.iter().filter_map(|tool| find(*tool).err());
    let missing: Vec<_> = missing.map(|error| error.to_string()).collect();
    match missing.is_empty() {
        true => Ok(()),
        false => Err(missing.join("\n").into()),
    }
}
