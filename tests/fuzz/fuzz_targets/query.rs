#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| actix_response_cache::fuzzing::run("query", input));
