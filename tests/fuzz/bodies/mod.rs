//! What is fuzzed, each a plain function that takes any bytes and panics where a promise is broken. `make fuzz` feeds
//! them with cargo-fuzz, `tests/fuzz_replay` with the corpus and with proptest.

pub mod command;
pub mod distribution;
mod input;
pub mod lookup;
pub mod machine;
pub mod packet;
pub mod release;
pub mod shutdown;
pub mod text;
