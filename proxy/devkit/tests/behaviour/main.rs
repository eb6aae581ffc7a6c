//! devkit through real HTTP: the provider's rules, its odd modes and faults, and the backends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod relying_party;

mod authorization;
mod backends;
mod clients;
mod control;
mod faults;
mod logout;
mod modes;
mod refresh;
mod targets;
