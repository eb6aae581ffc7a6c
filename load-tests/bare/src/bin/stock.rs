//! Pingora as its quick start has it, built with cargo's own release profile.

use tokenbridge_bare::Shape;

fn main() -> std::process::ExitCode {
    tokenbridge_bare::main(Shape::QuickStart)
}
