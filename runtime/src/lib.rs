//! The program around the engine: command line, settings, the port, signals.
//!
//! [`main`] is the table of contents; an assembled runtime's `main.rs` links its plugins and
//! calls it.

mod access;
mod admin;
mod check;
mod cli;
mod contexts;
mod files;
mod flows;
mod hash_password;
mod http_nodes;
mod logging;
mod nodes;
mod numbers;
mod pages;
mod plugins;
mod run;
mod settings;
mod wanted;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::Parser;
use ferrowire_core::Registry;

use cli::{Cli, Command, PluginArgs, PluginCommand, SettingsArgs};
use settings::{Settings, Sources};

/// The exit code when nothing could be right: bad settings, unreadable files, a taken port.
const UNUSABLE: u8 = 2;

/// Runs the program with the arguments and the environment of the process, holding the
/// `assembled` plugins.
pub fn main(assembled: &[&str]) -> ExitCode {
    match dispatch(Cli::parse().command, assembled) {
        Ok(code) => code,
        Err(error) => {
            // Nobody is left to tell if standard error is closed.
            let _closed = writeln!(std::io::stderr(), "ferrowire: {error:#}");
            ExitCode::from(UNUSABLE)
        }
    }
}

fn dispatch(command: Command, assembled: &[&str]) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run { flows, settings } => {
            let settings = read_settings(&settings)?;
            logging::start(&settings);
            let registry = plugins::load(&settings, registry(assembled)?, plugins::log)?;
            run::run(settings, registry, &flows)
        }
        Command::Check { flows, plugins } => check::check(&loaded(plugins, assembled)?, &flows),
        Command::Nodes { json, plugins } => nodes::list(&loaded(plugins, assembled)?, json),
        Command::Plugin(PluginCommand::Check { file, json }) => {
            plugins::check(&file, &registry(assembled)?, json)
        }
        Command::Plugin(PluginCommand::List { json, plugins }) => {
            let settings = read_settings(&plugins.into())?;
            plugins::list(&settings, registry(assembled)?, json)
        }
        Command::HashPassword => hash_password::run(),
    }
}

/// All node types of this program and of the plugins that it loads, for commands without a log.
fn loaded(plugins: PluginArgs, assembled: &[&str]) -> anyhow::Result<Registry> {
    let settings = read_settings(&plugins.into())?;
    plugins::load(&settings, registry(assembled)?, plugins::print_warning)
}

/// All node types of this program.
///
/// A crate that nothing mentions is not linked, so what was assembled is compared with what
/// registered.
fn registry(assembled: &[&str]) -> anyhow::Result<Registry> {
    let registry = Registry::linked()?;
    ferrowire_core::set_up()?;
    let missing: Vec<&str> = assembled
        .iter()
        .copied()
        .filter(|name| !registry.iter().any(|node_type| node_type.plugin == *name))
        .collect();
    if missing.is_empty() {
        return Ok(registry);
    }
    let names = missing.join("`, `");
    Err(anyhow!("`{names}` was assembled and registered no node type; assemble the runtime again"))
}

fn read_settings(args: &SettingsArgs) -> anyhow::Result<Settings> {
    let env = |name: &str| process_env(name);
    let path =
        args.plugins.settings.clone().or_else(|| env("FERROWIRE_SETTINGS").map(PathBuf::from));
    let file = path.map(read_table).transpose()?;
    let sources = Sources { flag: &|name| args.flag(name), env: &env, file };
    Settings::read(&sources)
        .map_err(|mistakes| anyhow!("invalid settings:\n  {}", mistakes.join("\n  ")))
}

fn read_table(path: PathBuf) -> anyhow::Result<(PathBuf, toml::Table)> {
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read the settings file `{}`", path.display()))?;
    let table = text
        .parse()
        .with_context(|| format!("the settings file `{}` is not TOML", path.display()))?;
    Ok((path, table))
}

/// A variable of the process's environment, if it is there and UTF-8. The one place that reads
/// it; everything below is handed what it needs.
fn process_env(name: &str) -> Option<String> {
    std::env::var_os(name).map(OsString::into_string)?.ok()
}
