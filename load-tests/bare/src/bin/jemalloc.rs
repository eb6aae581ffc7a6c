//! The gateway's shape and profile with jemalloc. `_RJEM_MALLOC_CONF` sets its options.

use tokenbridge_bare::Shape;

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> std::process::ExitCode {
    tokenbridge_bare::main(Shape::PerCore)
}
