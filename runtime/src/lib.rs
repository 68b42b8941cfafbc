//! The program around the engine: command line, settings, the port, signals.
//!
//! [`main`] is the entry point; an assembled runtime's `main.rs` links its plugins and calls it.

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
mod pages;
mod plugins;
mod run;
mod settings;
mod signals;
mod watchdog;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::{ArgMatches, FromArgMatches};
use ferrowire_core::{Registry, SettingRegistry};
use ferrowire_loader::Found;

use cli::{Cli, Command, PluginCommand};
use settings::sources::Sources;
use settings::{Settings, flags, list, wanted};

/// The exit code if the program cannot start or a command fails: invalid settings, unreadable
/// files, a port in use.
const UNUSABLE: u8 = 2;

/// Runs the program with the arguments and environment of the process. `assembled` are the names of
/// the plugins that must be linked.
pub fn main(assembled: &[&str]) -> ExitCode {
    let _rest = logging::Rest;
    match run(assembled) {
        Ok(code) => code,
        Err(error) => {
            logging::print(format_args!("ferrowire: {error:#}"));
            ExitCode::from(UNUSABLE)
        }
    }
}

fn run(assembled: &[&str]) -> anyhow::Result<ExitCode> {
    let mut settings = settings::registry()?;
    let mut libraries = find_libraries(&settings);
    libraries.add_settings(&mut settings);
    let matches = cli::command(&settings).try_get_matches();
    let matches = matches.unwrap_or_else(|error| refuse_arguments(&error, &libraries));
    let command = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()).command;
    let arguments = cli::innermost(&matches);
    dispatch(command, Program { assembled, settings, libraries, arguments })
}

/// Ends the program because of its arguments. The flags of a refused library are unknown, so its
/// refusal may be the reason.
fn refuse_arguments(error: &clap::Error, libraries: &Found) -> ! {
    if error.kind() == clap::error::ErrorKind::UnknownArgument {
        libraries.refused().for_each(plugins::print_warning);
    }
    error.exit()
}

/// Inspects the libraries that the command line, the environment or the settings file names. What is
/// invalid there is reported when all settings are read.
fn find_libraries(settings: &SettingRegistry) -> Found {
    let arguments = std::env::args_os().skip(1);
    let Ok(matches) = cli::of_plugins(settings, arguments) else { return Found::default() };
    let requests = with_sources(&matches, |sources| wanted::requests(sources).0);
    ferrowire_loader::find(&requests.unwrap_or_default())
}

/// The program's plugins and its arguments.
struct Program<'a> {
    assembled: &'a [&'a str],
    settings: SettingRegistry,
    /// The libraries to be loaded. Their settings are part of `settings`.
    libraries: Found,
    /// Those of the innermost command.
    arguments: &'a ArgMatches,
}

fn dispatch(command: Command, program: Program<'_>) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run { flows } => {
            let settings = program.read_settings()?;
            logging::start(&settings)?;
            let registry = program.registry()?;
            let registry = plugins::load(program.libraries, &settings, registry, plugins::log)?;
            run::run(settings, registry, &flows)
        }
        Command::Check { flows } => check::check(&program.loaded()?, &flows),
        Command::Nodes { json } => nodes::list(&program.loaded()?, json),
        Command::Settings { json, markdown } => program.list_settings(cli::form(json, markdown)),
        Command::Completions { shell } => program.complete(shell),
        Command::Plugin(PluginCommand::Check { file, json }) => {
            plugins::check(&file, &program.registry()?, settings::registry()?, json)
        }
        Command::Plugin(PluginCommand::List { json }) => {
            let (settings, registry) = (program.read_settings()?, program.registry()?);
            plugins::list(program.libraries, &settings, registry, json)
        }
        Command::HashPassword => hash_password::run(),
    }
}

impl Program<'_> {
    /// All node types of this program and of the plugins that it loads, for commands without a log.
    fn loaded(self) -> anyhow::Result<Registry> {
        let (settings, registry) = (self.read_settings()?, self.registry()?);
        plugins::load(self.libraries, &settings, registry, plugins::print_warning)
    }

    /// All node types of this program.
    ///
    /// The linker drops a crate that is not referenced, so the names of the assembled plugins are
    /// compared with those of the registered types.
    fn registry(&self) -> anyhow::Result<Registry> {
        let registry = Registry::linked()?;
        ferrowire_core::set_up()?;
        let is_missing = |name: &&str| !registry.iter().any(|node_type| node_type.plugin == *name);
        let missing: Vec<&str> = self.assembled.iter().copied().filter(is_missing).collect();
        if missing.is_empty() {
            return Ok(registry);
        }
        let names = missing.join("`, `");
        Err(anyhow!(
            "`{names}` was assembled and registered no node type; assemble the runtime again"
        ))
    }

    fn read_settings(&self) -> anyhow::Result<Settings> {
        with_sources(self.arguments, |sources| self.check_settings(sources))?
    }

    fn check_settings(&self, sources: &Sources<'_>) -> anyhow::Result<Settings> {
        Settings::read(&self.settings, sources).map_err(|mistakes| {
            // The settings of a refused library are unknown, so its refusal may be the reason.
            let refused = self.libraries.refused().map(|refused| format!("\nferrowire: {refused}"));
            let refused: String = refused.collect();
            anyhow!("invalid settings:\n  {}{refused}", mistakes.join("\n  "))
        })
    }

    fn list_settings(&self, form: list::Form) -> anyhow::Result<ExitCode> {
        with_sources(self.arguments, |sources| {
            self.check_settings(sources)?;
            list::print(&self.settings, sources, form)?;
            Ok(ExitCode::SUCCESS)
        })?
    }

    fn complete(&self, shell: clap_complete::Shell) -> anyhow::Result<ExitCode> {
        let mut script = Vec::new();
        let mut command = cli::command(&self.settings);
        clap_complete::generate(shell, &mut command, "ferrowire", &mut script);
        std::io::stdout().write_all(&script).context("cannot print the script")?;
        Ok(ExitCode::SUCCESS)
    }
}

/// Calls `read` with where settings come from.
fn with_sources<T>(
    arguments: &ArgMatches,
    read: impl FnOnce(&Sources<'_>) -> T,
) -> anyhow::Result<T> {
    let named = arguments.try_get_one::<PathBuf>(flags::FILE).ok().flatten();
    let path = named.cloned().or_else(|| process_env(flags::FILE_VARIABLE).map(PathBuf::from));
    let file = path.map(read_table).transpose()?;
    let flag = |record: &_| flags::value(arguments, record);
    Ok(read(&Sources { flag: &flag, env: &process_env, file }))
}

fn read_table(path: PathBuf) -> anyhow::Result<(PathBuf, toml::Table)> {
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("cannot read the settings file `{}`", path.display()))?;
    let table = text
        .parse()
        .with_context(|| format!("the settings file `{}` is not TOML", path.display()))?;
    Ok((path, table))
}

/// An environment variable of the process, if it is set and UTF-8. No other code reads the
/// environment.
fn process_env(name: &str) -> Option<String> {
    std::env::var_os(name).map(OsString::into_string)?.ok()
}
