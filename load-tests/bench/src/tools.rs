//! Programs that must be installed, and how.

use std::path::PathBuf;

use crate::Outcome;

/// Where a program is, on the PATH or where Debian keeps servers.
///
/// # Errors
/// It is missing; the text names the command that installs it.
pub fn find(program: &str, install: &str) -> Outcome<PathBuf> {
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
