//! A runtime without any linked-in plugin, for tests and measurements: all its node types are
//! loaded.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ferrowire_runtime::main(&[])
}
