//! Pingora in the gateway's shape, its allocations counted.

use tokenbridge_bare::{Shape, counts};

#[global_allocator]
static ALLOCATOR: counts::Counted = counts::COUNTED;

fn main() -> std::process::ExitCode {
    if let Err(problem) = counts::tell() {
        eprintln!("{}: {problem}", counts::VARIABLE);
        return std::process::ExitCode::FAILURE;
    }
    tokenbridge_bare::main(Shape::PerCore)
}
