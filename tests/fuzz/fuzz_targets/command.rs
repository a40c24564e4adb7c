#![no_main]
use beaminit_fuzz as bodies;
libfuzzer_sys::fuzz_target!(|data: &[u8]| bodies::command::body(data));
