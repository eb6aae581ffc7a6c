//! The gateway's shape and profile with glibc's allocator.

use tokenbridge_bare::Shape;

fn main() -> std::process::ExitCode {
    tokenbridge_bare::main(Shape::PerCore)
}
