//! The program `ferrowire`: the runtime with the default set of plugins.

use std::process::ExitCode;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    ferrowire_runtime::main(ferrowire_bundle::PLUGINS)
}
