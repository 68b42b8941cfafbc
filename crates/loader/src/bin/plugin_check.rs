//! `plugin-check FILE`: loads a library as a runtime does and prints its node types, one per line,
//! each after its crate. `cargo xtask plugin` checks libraries with it, since it is built in a
//! fraction of a runtime's time.

use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use ferrowire_core::{Registry, SettingRegistry};
use ferrowire_loader::{Kind, Request, find};

/// How long the library may take to be ready.
const LIMIT: Duration = Duration::from_secs(10);

fn main() -> std::io::Result<ExitCode> {
    let Some(path) = std::env::args_os().nth(1).map(PathBuf::from) else {
        writeln!(std::io::stderr(), "expected the file of a library")?;
        return Ok(ExitCode::FAILURE);
    };
    let mut found = find(&[Request { path, kind: Kind::File, required: true }]);
    found.add_settings(&mut SettingRegistry::new());
    let mut registry = Registry::new();
    let report = found.load(&mut registry, LIMIT);
    if let Some(refused) = report.refused.first() {
        writeln!(std::io::stderr(), "{refused}")?;
        return Ok(ExitCode::FAILURE);
    }
    let mut out = std::io::stdout().lock();
    for node_type in registry.iter() {
        writeln!(out, "{}\t{}", node_type.plugin, node_type.name)?;
    }
    Ok(ExitCode::SUCCESS)
}
