//! How often a process has allocated, told to another process that asks.

use std::io::Write;
use std::net::TcpListener;

use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

/// The variable with the address at which the counts are told.
pub const VARIABLE: &str = "ALLOCATION_COUNTS";

/// What a counted program has as its global allocator: the system's, counted.
pub type Counted = &'static StatsAlloc<std::alloc::System>;

/// To be installed as the global allocator.
pub const COUNTED: Counted = &INSTRUMENTED_SYSTEM;

/// Tells whoever connects to the address in [`VARIABLE`] the allocations (reallocations among
/// them) and the bytes allocated so far.
///
/// # Errors
/// The variable is absent or its address is taken.
pub fn tell() -> std::io::Result<()> {
    let address = std::env::var(VARIABLE).map_err(std::io::Error::other)?;
    let listener = TcpListener::bind(address)?;
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let stats = INSTRUMENTED_SYSTEM.stats();
            let allocations = stats.allocations + stats.reallocations;
            // Whoever asked and left needs no answer.
            let _ =
                stream.write_all(format!("{allocations} {}\n", stats.bytes_allocated).as_bytes());
        }
    });
    Ok(())
}
