//! The program `tokenbridge`.

use std::process::ExitCode;

/// Saves a sixth of the proxy's CPU against glibc's (see load-tests/method.md).
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    // Before anything else can install another: Pingora's own choice has no post-quantum keys.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    tokenbridge::main()
}
