#![no_main]

libfuzzer_sys::fuzz_target!(|input: &[u8]| toolcell_fuzz::lock::run(input));
