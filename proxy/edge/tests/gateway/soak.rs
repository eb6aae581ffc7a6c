//! What takes thousands of connections or minutes: `make soak`. Each part has a bound of its own.

mod crowd;
mod replicas;
mod slow_and_idle;
