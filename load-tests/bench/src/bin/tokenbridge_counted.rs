//! The gateway, its allocations counted: how often each request allocates is asked of it.

use std::process::ExitCode;

use tokenbridge_bare::counts;

#[global_allocator]
static ALLOCATOR: counts::Counted = counts::COUNTED;

fn main() -> ExitCode {
    if let Err(problem) = counts::tell() {
        eprintln!("{}: {problem}", counts::VARIABLE);
        return ExitCode::FAILURE;
    }
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    tokenbridge::main()
}
