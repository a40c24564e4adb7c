//! The binary: see the library.

use std::process::ExitCode;

/// musl's own maps and unmaps a page for nearly every vector that grows: two hundred system calls and faults a start.
#[global_allocator]
static ALLOCATOR: dlmalloc::GlobalDlmalloc = dlmalloc::GlobalDlmalloc;

fn main() -> ExitCode {
    let inherited = beaminit::block_signals();
    beaminit::run(inherited, std::env::args_os().skip(1)).into()
}
