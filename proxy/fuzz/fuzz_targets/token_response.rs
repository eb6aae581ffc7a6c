#![no_main]

#[path = "../entry_points/token_response.rs"]
mod token_response;

libfuzzer_sys::fuzz_target!(|data: &[u8]| token_response::check(data));
