//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Arg, ArgMatches, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use ferrowire_core::SettingRegistry;

use crate::settings::flags;
use crate::settings::list::Form;

/// Runs Node-RED flows natively
#[derive(Debug, Parser)]
#[command(name = "ferrowire", version, propagate_version = true)]
pub(crate) struct Cli {
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands, without the flags of settings, which [`command`] adds.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run flows until SIGINT or SIGTERM; SIGHUP reads the files again and restarts what changed
    Run {
        /// Flow files in Node-RED's format; several are run as one, and cannot be deployed to
        /// [default: flows.json in the user directory]
        flows: Vec<PathBuf>,
    },
    /// Report every problem in flow files, without running anything; exit code 2 if there are any
    Check {
        /// Flow files in Node-RED's format; several are checked as one
        #[arg(required = true)]
        flows: Vec<PathBuf>,
    },
    /// Print the bcrypt hash of a password for `admin-auth`; asks for it, or reads standard input
    HashPassword,
    /// List the node types of this program and of the plugins that it loads
    Nodes {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List all settings with their values and where each comes from; secrets are not shown
    Settings {
        /// As JSON
        #[arg(long)]
        json: bool,
        /// The documentation of all settings, as Markdown
        #[arg(long, conflicts_with = "json")]
        markdown: bool,
    },
    /// Print a shell script that completes commands and flags
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Check or list plugins in shared libraries
    #[command(subcommand)]
    Plugin(PluginCommand),
}

/// The commands below `plugin`.
#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// Describe a library and report whether this runtime loads it, without running its code
    Check {
        /// The library
        file: PathBuf,
        /// As JSON
        #[arg(long)]
        json: bool,
    },
    /// List the plugins that `run` with these settings would load or refuse
    List {
        /// As JSON
        #[arg(long)]
        json: bool,
    },
}

/// The command line, with the flags of all settings.
pub(crate) fn command(settings: &SettingRegistry) -> clap::Command {
    let of_plugins = |command| flags::add_of_plugins(command, settings);
    Cli::command()
        .mut_subcommand("run", |run| flags::add_all(run, settings))
        .mut_subcommand("settings", |list| flags::add_all(list, settings))
        .mut_subcommand("check", of_plugins)
        .mut_subcommand("nodes", of_plugins)
        .mut_subcommand("plugin", |plugin| plugin.mut_subcommand("list", of_plugins))
}

/// The flags that say which libraries are loaded, wherever they stand on the command line. Nothing
/// else of it is parsed: which other flags there are depends on the libraries.
pub(crate) fn of_plugins(
    settings: &SettingRegistry,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<ArgMatches, clap::Error> {
    let command = clap::Command::new("ferrowire").no_binary_name(true).disable_help_flag(true);
    let command = flags::add_of_plugins(command, settings);
    let is_known = |argument: &OsString| {
        let flag = argument.to_string_lossy();
        let name = flag.strip_prefix("--").and_then(|flag| flag.split('=').next());
        let mut known = command.get_arguments().filter_map(Arg::get_long);
        name.is_some_and(|name| known.any(|flag| flag == name))
    };
    let mut arguments = arguments.into_iter().take_while(|argument| argument != "--");
    let mut ours = Vec::new();
    while let Some(argument) = arguments.next() {
        if is_known(&argument) {
            let has_value = argument.to_string_lossy().contains('=');
            ours.push(argument);
            ours.extend(if has_value { None } else { arguments.next() });
        }
    }
    command.try_get_matches_from(ours)
}

/// The arguments of the innermost command.
pub(crate) fn innermost(matches: &ArgMatches) -> &ArgMatches {
    let mut innermost = matches;
    while let Some((_, inside)) = innermost.subcommand() {
        innermost = inside;
    }
    innermost
}

/// The form in which settings are listed.
pub(crate) fn form(json: bool, markdown: bool) -> Form {
    match (json, markdown) {
        (true, _) => Form::Json,
        (_, true) => Form::Markdown,
        (false, false) => Form::Table,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings;

    #[test]
    fn every_setting_but_secrets_and_tables_has_a_flag() {
        let registry = settings::registry().unwrap();
        for record in registry.iter() {
            let flag = format!("--{}", record.name);
            let (value, expected) = match record.value_name {
                "" => (None, "true"),
                _ => (Some("x"), "x"),
            };
            let arguments = ["ferrowire", "run", flag.as_str()];
            let parsed =
                command(&registry).try_get_matches_from(arguments.into_iter().chain(value));
            match record.has_flag() {
                true => {
                    let given = flags::value(innermost(&parsed.unwrap()), record);
                    assert_eq!(given.as_deref(), Some(expected), "{flag}");
                }
                false => assert!(parsed.is_err(), "{flag}"),
            }
        }
    }

    #[test]
    fn the_flags_of_libraries_are_found_among_unknown_ones() {
        let registry = settings::registry().unwrap();
        let found = |line: &str| {
            let arguments = line.split(' ').map(OsString::from);
            let matches = of_plugins(&registry, arguments).unwrap();
            let value = |name| flags::value(&matches, registry.get(name).unwrap());
            (value("plugins"), value("plugin"))
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            found("run --new 5 --plugins a -v --plugin=b --plugin c"),
            (some("a"), some("b:c"))
        );
        assert_eq!(found("settings --json"), (None, None));
        assert_eq!(found("run -- --plugins a"), (None, None));
        let cut = of_plugins(&registry, ["run", "--plugins"].map(OsString::from));
        assert!(cut.is_err(), "the parser of the whole line reports what is missing");
    }

    #[test]
    fn the_command_line_is_consistent() {
        command(&settings::registry().unwrap()).debug_assert();
    }
}
