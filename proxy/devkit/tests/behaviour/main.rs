//! devkit through real HTTP: the provider's rules, its odd modes and faults, and the backends.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic
)]

mod estate;
mod relying_party;

mod authorization;
mod backend_answers;
mod backends;
mod browser;
mod clients;
mod control;
mod faults;
mod logout;
mod modes;
mod program;
mod refresh;
mod targets;
mod trusted_issuers;
