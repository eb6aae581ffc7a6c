//! What the Redis store promises beyond the conformance suite.

mod at_rest;
mod capacity;
mod changes;
mod cluster;
mod index_repair;
mod key_rotation;
mod options;
mod outage;
mod outage_log;
mod rates;
mod round_trips;
mod sentinel;
mod size;
mod tls;
