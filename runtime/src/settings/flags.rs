//! The flags of settings: arguments of the command line, made from the records.

use std::ffi::OsStr;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser, ValueHint};
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use ferrowire_core::{SettingKind, SettingRecord, SettingRegistry};

use super::table::{NPM_GROUP, PLUGIN_GROUP};

/// The flag that names the settings file; not a setting, since the file cannot name itself.
pub(crate) const FILE: &str = "settings";
pub(crate) const FILE_VARIABLE: &str = "FERROWIRE_SETTINGS";

/// The flag that gives settings by name; see [`Defines`](super::defines::Defines).
pub(crate) const DEFINE: &str = "define";

/// Names of other arguments of commands that take settings. No setting can have them.
pub(crate) const TAKEN: &[&str] = &[FILE, DEFINE, "flows", "help", "json", "markdown", "version"];

/// Adds the flags of all settings to a command.
pub(crate) fn add_all(command: Command, registry: &SettingRegistry) -> Command {
    let flags = registry.iter().filter(|record| record.has_flag()).map(argument);
    command.arg(file()).arg(define()).args(flags).after_help(after_help(registry))
}

/// Adds the flags that say where node types come from.
pub(crate) fn add_of_plugins(command: Command, registry: &SettingRegistry) -> Command {
    let groups = [NPM_GROUP, PLUGIN_GROUP];
    let of_plugins = registry.iter().filter(|record| groups.contains(&record.group));
    command.arg(file()).arg(define()).args(of_plugins.map(argument))
}

fn file() -> Arg {
    Arg::new(FILE)
        .short('s')
        .long(FILE)
        .value_name("FILE")
        .value_parser(value_parser!(std::path::PathBuf))
        .value_hint(ValueHint::FilePath)
        .help(format!("TOML file with settings [env: {FILE_VARIABLE}]"))
}

fn define() -> Arg {
    Arg::new(DEFINE)
        .short('D')
        .long(DEFINE)
        .value_name("NAME=VALUE")
        .action(ArgAction::Append)
        .help(
            "A setting by its name or Node-RED's, such as uiPort=1880; with @FILE, all of a JSON \
             object; may be repeated",
        )
}

fn argument(record: &SettingRecord) -> Arg {
    let names = record.node_red;
    let mut arg = Arg::new(record.name).long(record.name).help_heading(record.group).help(format!(
        "{}{}",
        record.help,
        notes(record)
    ));
    if let Some(letter) = names.short {
        arg = arg.short(letter);
    }
    if !names.flag.is_empty() {
        arg = arg.visible_alias(names.flag);
    }
    if record.value_name.is_empty() {
        return arg.action(ArgAction::SetTrue);
    }
    let arg = arg.value_name(record.value_name).value_hint(hint(record));
    match record.kind {
        SettingKind::List | SettingKind::Paths => arg.action(ArgAction::Append),
        SettingKind::Choice => arg.value_parser(Choices(record.choices)),
        SettingKind::Boolean => arg.value_parser(Choices(&["true", "false"])),
        _ => arg,
    }
}

fn hint(record: &SettingRecord) -> ValueHint {
    match (record.kind, record.value_name) {
        (SettingKind::Path | SettingKind::Paths, "FILE") => ValueHint::FilePath,
        (SettingKind::Path | SettingKind::Paths, "DIRECTORY") => ValueHint::DirPath,
        (SettingKind::Path | SettingKind::Paths, _) => ValueHint::AnyPath,
        _ => ValueHint::Other,
    }
}

/// Default, bounds, environment variables and the key of Node-RED's settings.
fn notes(record: &SettingRecord) -> String {
    let default = match record.default {
        Some(default) => default,
        None => record.otherwise,
    };
    let notes = [
        ("default: ", default.to_owned()),
        ("", record.bounds()),
        ("env: ", variables(record)),
        ("Node-RED: ", record.node_red.key.to_owned()),
    ];
    let notes = notes.iter().filter(|(_, text)| !text.is_empty());
    notes.map(|(what, text)| format!(" [{what}{text}]")).collect()
}

fn variables(record: &SettingRecord) -> String {
    if !record.has_variable() {
        return String::new();
    }
    let own = record.variable();
    let all = [&own, record.standard_variable, record.node_red.variable];
    all.into_iter().filter(|name| !name.is_empty()).collect::<Vec<_>>().join(", ")
}

/// The settings that have no flag.
fn after_help(registry: &SettingRegistry) -> String {
    let without = registry.iter().filter(|record| !record.has_flag());
    let width = without.clone().map(|record| record.name.len()).max().unwrap_or_default();
    let mut text = "Settings without a flag:".to_owned();
    for record in without {
        let (name, help, notes) = (record.name, record.help, notes(record));
        let table =
            if record.kind == SettingKind::Table { " [table of the settings file]" } else { "" };
        text.push_str(&format!("\n  {name:width$}  {help}{notes}{table}"));
    }
    text + "\n\n`ferrowire settings` lists all settings with their values and where each comes from; with \
            `--markdown` it describes them, with examples of the tables."
}

/// Names that are shown in help and completed by shells. The value is checked with the other
/// settings, so that all mistakes are reported at once.
#[derive(Clone)]
struct Choices(&'static [&'static str]);

impl TypedValueParser for Choices {
    type Value = String;

    fn parse_ref(
        &self,
        command: &Command,
        arg: Option<&Arg>,
        value: &OsStr,
    ) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(self.0.iter().map(PossibleValue::new)))
    }
}

/// The arguments of `-D`.
pub(crate) fn defines(matches: &ArgMatches) -> impl Iterator<Item = &String> {
    matches.try_get_many::<String>(DEFINE).ok().flatten().into_iter().flatten()
}

/// The value of a setting's flag; several are joined as in the environment.
pub(crate) fn value(matches: &ArgMatches, record: &SettingRecord) -> Option<String> {
    if record.value_name.is_empty() {
        let is_set = matches.try_get_one::<bool>(record.name).ok().flatten()?;
        return is_set.then(|| "true".to_owned());
    }
    let given = matches.try_get_many::<String>(record.name).ok().flatten()?;
    let separator = match record.kind {
        SettingKind::List => ",",
        SettingKind::Paths if cfg!(windows) => ";",
        _ => ":",
    };
    Some(given.map(String::as_str).collect::<Vec<_>>().join(separator))
}
