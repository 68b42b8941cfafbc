//! The program around the engine: command line, settings, the port, signals.
//!
//! [`main`] is the entry point; an assembled runtime's `main.rs` links its plugins and calls it.

mod access;
mod admin;
mod check;
mod cli;
mod cluster;
mod contexts;
mod drain;
mod files;
mod flows;
mod global_values;
mod hash_password;
mod health;
mod http_nodes;
mod instance;
mod log_page;
mod logging;
mod machine;
mod manual;
mod metrics;
mod metrics_page;
#[cfg(feature = "migrate")]
mod migrate;
mod node_places;
mod nodes;
#[cfg(feature = "npm-nodes")]
mod npm_nodes;
#[cfg(not(feature = "npm-nodes"))]
#[path = "no_npm_nodes.rs"]
mod npm_nodes;
mod operation;
mod page_parts;
mod pages;
mod plugins;
mod run;
mod settings;
mod shared_flows;
mod signals;
mod systemd;
mod test_page;
mod title;
mod traces;
mod upgrade;
mod version;
mod watchdog;

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, anyhow};
use clap::{ArgMatches, FromArgMatches};
use ferrowire_core::{Registry, SettingRegistry};
// Evaluates the expressions of all nodes.
use ferrowire_languages as _;
use ferrowire_loader::Found;

use cli::{Cli, Command, PluginCommand};
use flows::Places;
use settings::given::Given;
use settings::sources::Sources;
use settings::{Settings, examples, flags, list, table, wanted};
use upgrade::ProgramFile;

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
    let arguments = cli::with_command(std::env::args_os());
    let known = cli::known_flags(&settings, arguments.iter().skip(1).cloned());
    let given = read_given(&known, &settings);
    let mut libraries = find_libraries(&known, &given);
    libraries.add_settings(&mut settings);
    let matches = cli::command(&settings).try_get_matches_from(arguments);
    let matches = matches.unwrap_or_else(|error| refuse_arguments(&error, &libraries));
    let command = Cli::from_arg_matches(&matches).unwrap_or_else(|error| error.exit()).command;
    let arguments = cli::innermost(&matches);
    dispatch(command, Program { assembled, settings, given, libraries, arguments })
}

/// Ends the program because of its arguments. The flags of a refused library are unknown, so its
/// refusal may be the reason.
fn refuse_arguments(error: &clap::Error, libraries: &Found) -> ! {
    if error.kind() == clap::error::ErrorKind::UnknownArgument {
        libraries.refused().for_each(plugins::print_warning);
    }
    error.exit()
}

/// The flags that are known without a library, or why they are invalid.
type Known = Result<ArgMatches, clap::Error>;

/// Reads the settings file, before anything else: it may name libraries.
fn read_given(known: &Known, settings: &SettingRegistry) -> anyhow::Result<Given> {
    match known {
        Ok(flags) => Given::read(flags, settings, &process_env),
        Err(error) => Err(anyhow!("{error}")),
    }
}

/// Inspects the libraries that the command line, the environment or the settings file names. What is
/// invalid there is reported when all settings are read.
fn find_libraries(known: &Known, given: &anyhow::Result<Given>) -> Found {
    let (Ok(flags), Ok(given)) = (known, given) else { return Found::default() };
    let flag = |record: &_| flags::value(flags, record);
    let (requests, _) = wanted::requests(&given.sources(&flag, &process_env));
    ferrowire_loader::find(&requests)
}

/// The program's plugins and its arguments.
struct Program<'a> {
    assembled: &'a [&'a str],
    settings: SettingRegistry,
    given: anyhow::Result<Given>,
    /// The libraries to be loaded. Their settings are part of `settings`.
    libraries: Found,
    /// Those of the innermost command.
    arguments: &'a ArgMatches,
}

fn dispatch(command: Command, program: Program<'_>) -> anyhow::Result<ExitCode> {
    match command {
        Command::Run { flows } => {
            let settings = program.read_settings()?;
            if let Some(title) = settings.get(&table::TITLE) {
                title::set(&title)?;
            }
            logging::start(&settings)?;
            let registry = program.registry()?;
            let registry = plugins::load(program.libraries, &settings, registry, plugins::log)?;
            let file = ProgramFile::of(std::env::args_os())
                .context("cannot find the file of the program")?;
            let again = Again { registry: &program.settings, arguments: program.arguments, file };
            run::run(settings, registry, (&flows, &again))
        }
        Command::Check { flows } => {
            let (registry, missing_runtime) = program.all_types(&flows)?;
            check::check(&registry, missing_runtime.as_deref(), &flows)
        }
        #[cfg(feature = "migrate")]
        Command::Migrate(options) => migrate::run(&options, program),
        Command::Nodes { json } => nodes::list(&program.all_types(&[])?.0, json),
        Command::Settings { json, markdown } => program.list_settings(cli::form(json, markdown)),
        Command::Completions { shell } => program.complete(shell),
        Command::Manual { directory } => manual::write(cli::command(&program.settings), &directory),
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

/// Reads settings once more, or starts the program once more, while it runs.
struct Again<'a> {
    registry: &'a SettingRegistry,
    arguments: &'a ArgMatches,
    file: ProgramFile,
}

impl Again<'_> {
    /// The filter of the log.
    ///
    /// # Errors
    /// If any setting is invalid.
    fn log(&self) -> anyhow::Result<String> {
        let given = Given::read(self.arguments, self.registry, &process_env)?;
        let flag = |record: &_| flags::value(self.arguments, record);
        let settings = Settings::read(self.registry, &given.sources(&flag, &process_env));
        Ok(settings.map_err(|mistakes| anyhow!("{}", mistakes.join("; ")))?.log)
    }
}

impl Program<'_> {
    /// All node types of this program, of the plugins that it loads, and of the npm packages beside
    /// these flow files, for commands without a log; and why those of packages do not run, if they do not.
    fn all_types(self, flows: &[PathBuf]) -> anyhow::Result<(Registry, Option<String>)> {
        let settings = self.read_settings()?;
        let user_dir = Places::find(flows, &settings)?.user_dir;
        self.types_of(&settings, &user_dir)
    }

    /// The same for the packages in a user directory.
    fn types_of(
        self,
        settings: &Settings,
        user_dir: &Path,
    ) -> anyhow::Result<(Registry, Option<String>)> {
        let registry = self.registry()?;
        let mut registry =
            plugins::load(self.libraries, settings, registry, plugins::print_warning)?;
        let missing_runtime = npm_nodes::add_types(settings, user_dir, &mut registry);
        Ok((registry, missing_runtime))
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
        self.with_sources(|sources| self.check_settings(sources))
    }

    /// Calls `read` with where settings come from.
    fn with_sources<T>(
        &self,
        read: impl FnOnce(&Sources<'_>) -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let given = self.given.as_ref().map_err(|error| anyhow!("{error:#}"))?;
        let flag = |record: &_| flags::value(self.arguments, record);
        read(&given.sources(&flag, &process_env))
    }

    fn check_settings(&self, sources: &Sources<'_>) -> anyhow::Result<Settings> {
        Settings::read(&self.settings, sources).map_err(|mistakes| {
            // The settings of a refused library are unknown, so its refusal may be the reason.
            let refused = self.libraries.refused().map(|refused| format!("\nferrowire: {refused}"));
            let refused: String = refused.collect();
            let mistakes = mistakes.join("\n  ");
            let examples = examples::for_mistakes(&mistakes);
            anyhow!("invalid settings:\n  {mistakes}{refused}{examples}")
        })
    }

    fn list_settings(&self, form: list::Form) -> anyhow::Result<ExitCode> {
        self.with_sources(|sources| {
            self.check_settings(sources)?;
            list::print(&self.settings, sources, form)?;
            Ok(ExitCode::SUCCESS)
        })
    }

    fn complete(&self, shell: clap_complete::Shell) -> anyhow::Result<ExitCode> {
        let mut script = Vec::new();
        let mut command = cli::command(&self.settings);
        clap_complete::generate(shell, &mut command, "ferrowire", &mut script);
        std::io::stdout().write_all(&script).context("cannot print the script")?;
        Ok(ExitCode::SUCCESS)
    }
}

/// An environment variable of the process, if it is set and UTF-8. No other code reads the
/// environment.
/// All variables that are Unicode.
#[cfg(feature = "migrate")]
fn process_variables() -> Vec<(String, String)> {
    let variables = std::env::vars_os();
    let text = |(name, value): (OsString, OsString)| {
        Some((name.into_string().ok()?, value.into_string().ok()?))
    };
    variables.filter_map(text).collect()
}

fn process_env(name: &str) -> Option<String> {
    std::env::var_os(name).map(OsString::into_string)?.ok()
}
