//! How many connections the process may have open. The soft limit of many systems, 1,024, is a
//! leftover of `select`: some hundred idle clients would keep everybody else out.

use nix::sys::resource::{Resource, getrlimit, setrlimit};

/// Below this many open files a warning is due: each request takes two.
const FEW: u64 = 4_096;

/// Raises the soft limit to the hard one.
pub(crate) fn raise_limit() {
    let raised = getrlimit(Resource::RLIMIT_NOFILE).and_then(|(_, hard)| {
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?;
        Ok(hard)
    });
    match raised {
        Ok(limit) if limit >= FEW => {}
        Ok(limit) => {
            tracing::warn!(target: "tokenbridge", "at most {limit} files can be open, so few connections can: raise the hard limit (LimitNOFILE, ulimit -Hn)");
        }
        Err(error) => {
            tracing::warn!(target: "tokenbridge", "the limit of open files cannot be raised: {error}");
        }
    }
}
