//! Pingora with the gateway's allocator and shape, built with the gateway's profile.

use tokenbridge_bare::Shape;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    tokenbridge_bare::main(Shape::PerCore)
}
