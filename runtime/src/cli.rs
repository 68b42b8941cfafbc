//! The command line.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::{Arg, ArgAction, ArgMatches, CommandFactory, Parser, Subcommand};
use clap_complete::Shell;
use ferrowire_core::SettingRegistry;

use crate::settings::flags;
use crate::settings::list::Form;
use crate::version;

/// Runs Node-RED flows natively
#[derive(Debug, Parser)]
#[command(name = "ferrowire", version, long_version = version::long(), propagate_version = true)]
pub(crate) struct Cli {
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands, without the flags of settings, which [`command`] adds.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run flows until SIGINT or SIGTERM; SIGHUP reads the files again and restarts what changed.
    /// The default if the first argument is a flag or a flow file
    Run {
        /// Flow files in Node-RED's format; several are run as one, and cannot be deployed to
        /// [default: that of flow-file]
        flows: Vec<PathBuf>,
    },
    /// Report every problem in flow files, without running anything; exit code 2 if there are any
    Check {
        /// Flow files in Node-RED's format; several are checked as one
        #[arg(required = true)]
        flows: Vec<PathBuf>,
    },
    /// Read a Node-RED user directory: say what runs each node, and write `ferrowire.toml` from its
    /// settings.js. Exit code 1 if something is left to do, 2 if nothing can be written
    #[cfg(feature = "migrate")]
    Migrate(crate::migrate::Options),
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
    /// Write the manual pages of all commands into a directory
    Manual {
        /// The directory
        directory: PathBuf,
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
    let command = Cli::command()
        .mut_subcommand("run", |run| flags::add_all(run, settings))
        .mut_subcommand("settings", |list| flags::add_all(list, settings))
        .mut_subcommand("check", of_plugins)
        .mut_subcommands(|command| match command.get_name() {
            "migrate" => of_plugins(command),
            _ => command,
        })
        .mut_subcommand("nodes", of_plugins)
        .mut_subcommand("plugin", |plugin| plugin.mut_subcommand("list", of_plugins));
    with_help(command)
}

/// Replaces the flags for help: Node-RED's is `-?`.
fn with_help(command: clap::Command) -> clap::Command {
    let help = Arg::new("help")
        .short('h')
        .visible_short_alias('?')
        .long("help")
        .action(ArgAction::Help)
        .help("Print help");
    command.disable_help_flag(true).arg(help).mut_subcommands(with_help)
}

/// The arguments of the process with the command `run`, which may be left out before a flag or a
/// flow file.
pub(crate) fn with_command(arguments: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut arguments: Vec<OsString> = arguments.into_iter().collect();
    let is_run = |first: &OsString| match first.to_str() {
        Some("-h" | "--help" | "-?" | "-V" | "--version") => false,
        Some(flag) if flag.starts_with('-') => true,
        Some(name) if Cli::command().find_subcommand(name).is_some() => false,
        _ => Path::new(first).extension() == Some("json".as_ref()) || Path::new(first).is_file(),
    };
    if arguments.get(1).is_some_and(is_run) {
        arguments.insert(1, "run".into());
    }
    arguments
}

/// The flags of the settings that are known without a library, wherever they stand on the command
/// line: they say which libraries are loaded. Nothing else of it is parsed, since which other flags
/// there are depends on the libraries.
pub(crate) fn known_flags(
    settings: &SettingRegistry,
    arguments: impl IntoIterator<Item = OsString>,
) -> Result<ArgMatches, clap::Error> {
    let command = clap::Command::new("ferrowire").no_binary_name(true).disable_help_flag(true);
    let command = flags::add_all(command, settings);
    let mut arguments = arguments.into_iter().take_while(|argument| argument != "--");
    let mut known = Vec::new();
    while let Some(argument) = arguments.next() {
        let Some(needs_value) = known_flag(&command, &argument.to_string_lossy()) else { continue };
        known.push(argument);
        known.extend(if needs_value { arguments.next() } else { None });
    }
    command.try_get_matches_from(known)
}

/// Whether a known flag, or several short ones, takes the next argument as its value.
fn known_flag(command: &clap::Command, argument: &str) -> Option<bool> {
    let takes_value = |flag: &Arg| flag.get_action().takes_values();
    if let Some(long) = argument.strip_prefix("--") {
        let (name, value) = long.split_once('=').map_or((long, None), |(n, v)| (n, Some(v)));
        let is_named = |flag: &&Arg| {
            let mut names = flag.get_long_and_visible_aliases().unwrap_or_default().into_iter();
            names.any(|long| long == name)
        };
        return command.get_arguments().find(is_named).map(|it| takes_value(it) && value.is_none());
    }
    let mut letters = argument.strip_prefix('-')?.chars().peekable();
    while let Some(letter) = letters.next() {
        let flag = command.get_arguments().find(|flag| flag.get_short() == Some(letter))?;
        if takes_value(flag) {
            return Some(letters.peek().is_none());
        }
    }
    (argument.len() > 1).then_some(false)
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
            let matches = known_flags(&registry, arguments).unwrap();
            let value = |name| flags::value(&matches, registry.get(name).unwrap());
            let file =
                matches.get_one::<PathBuf>(flags::FILE).map(|file| file.display().to_string());
            let defines = flags::defines(&matches).cloned().collect::<Vec<_>>().join(" ");
            (value("plugins"), value("plugin"), file, defines)
        };
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            found("run --new 5 --plugins a -v --plugin=b --plugin c"),
            (some("a"), some("b:c"), None, String::new())
        );
        assert_eq!(
            found("run --new 5 -vs f.toml -p1 -Dplugins=a -D x=y --userDir d --plugins e"),
            (some("e"), None, some("f.toml"), "plugins=a x=y".to_owned())
        );
        assert_eq!(found("settings --json"), (None, None, None, String::new()));
        assert_eq!(found("run - -x -s=f -- --plugins a"), (None, None, some("f"), String::new()));
        let cut = known_flags(&registry, ["run", "--plugins"].map(OsString::from));
        assert!(cut.is_err(), "the parser of the whole line reports what is missing");
    }

    #[test]
    fn run_is_the_command_of_a_flag_and_of_a_flow_file() {
        let completed = |line: &str| {
            let arguments = line.split(' ').map(OsString::from);
            let arguments = with_command(arguments).into_iter();
            arguments.map(|it| it.into_string().unwrap()).collect::<Vec<_>>().join(" ")
        };
        for (line, expected) in [
            ("ferrowire flows.json -p 1", "ferrowire run flows.json -p 1"),
            ("ferrowire -p 1 flows.json", "ferrowire run -p 1 flows.json"),
            ("ferrowire -v", "ferrowire run -v"),
            ("ferrowire Cargo.toml", "ferrowire run Cargo.toml"),
            ("ferrowire", "ferrowire"),
            ("ferrowire -?", "ferrowire -?"),
            ("ferrowire --version", "ferrowire --version"),
            ("ferrowire chekc flows.json", "ferrowire chekc flows.json"),
            ("ferrowire nodes --json", "ferrowire nodes --json"),
        ] {
            assert_eq!(completed(line), expected);
        }
    }

    #[test]
    fn the_command_line_is_consistent() {
        command(&settings::registry().unwrap()).debug_assert();
    }
}
