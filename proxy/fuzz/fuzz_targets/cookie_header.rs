#![no_main]

#[path = "../entry_points/cookie_header.rs"]
mod cookie_header;

libfuzzer_sys::fuzz_target!(|data: &[u8]| cookie_header::check(data));
