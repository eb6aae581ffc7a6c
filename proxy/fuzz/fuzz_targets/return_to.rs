#![no_main]

#[path = "../entry_points/return_to.rs"]
mod return_to;

libfuzzer_sys::fuzz_target!(|data: &[u8]| return_to::check(data));
