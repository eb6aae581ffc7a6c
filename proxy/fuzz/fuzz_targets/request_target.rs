#![no_main]

#[path = "../entry_points/request_target.rs"]
mod request_target;

libfuzzer_sys::fuzz_target!(|data: &[u8]| request_target::check(data));
