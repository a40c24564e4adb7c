//! The binary: see the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    let inherited = beaminit::block_signals();
    beaminit::run(inherited, std::env::args_os().skip(1)).into()
}
