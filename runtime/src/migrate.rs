//! `ferrowire migrate`: reads a Node-RED user directory, says what runs its nodes, and writes the settings as
//! `ferrowire.toml`. Nothing else is written.

mod convert;
mod directory;
mod found;
mod known;
mod nodes;
mod program;
mod report;

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use ferrowire_admin::{CredentialSecret, stored_credentials};
use ferrowire_core::SettingRegistry;
use ferrowire_files::{Content, replace};

use crate::settings::settings_js;
use crate::settings::sources::is_on;
use crate::{Program, flows, process_env, process_variables};
use convert::{Converted, Entry, Fate, Source};
use found::Found;
use program::{Evaluated, Given};
use report::Report;

/// The file that is written.
const FILE: &str = "ferrowire.toml";

/// The exit code if something is left to do.
const LEFT: u8 = 1;

/// Node-RED's variables that its settings do not show.
const PROJECTS: &str = "NODE_RED_ENABLE_PROJECTS";

/// The arguments of the command.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// The user directory, such as `~/.node-red`
    directory: PathBuf,
    /// Only report, and write nothing
    #[arg(long)]
    check: bool,
    /// Replace a `ferrowire.toml` that is there
    #[arg(long)]
    force: bool,
    /// The report as JSON
    #[arg(long)]
    json: bool,
}

/// Runs the command.
///
/// # Errors
/// If the directory or its settings cannot be read, or the file cannot be written.
pub(crate) fn run(options: &Options, program: Program<'_>) -> anyhow::Result<ExitCode> {
    let folder = options
        .directory
        .canonicalize()
        .with_context(|| format!("cannot read the directory `{}`", options.directory.display()))?;
    if !folder.is_dir() {
        bail!("`{}` is not a directory; name the one with `settings.js`", folder.display());
    }
    let target = folder.join(FILE);
    if !options.check && !options.force && target.symlink_metadata().is_ok() {
        bail!("`{}` exists; `--force` replaces it, `--check` only reports", target.display());
    }
    let (settings, text) = match read_settings(&folder) {
        Ok(read) => read,
        Err(error) => {
            report_without_settings(&folder, program, options.json)?;
            return Err(error);
        }
    };
    let mut report = Report::new(&folder, settings.notes.clone());
    let user_dir = directory::user_dir(&folder, &settings.settings);
    let source = Source {
        registry: &program.settings,
        folder: &folder,
        text: &text,
        settings: &settings.settings,
        files: &settings.files,
    };
    let mut converted = convert::convert(&source);
    let flow_file = choose_files(&user_dir, &settings.settings, &mut converted);
    refuse_invalid(&converted, &program.settings)?;
    report.settings(&converted);
    report_files(&mut report, program, &user_dir, &flow_file)?;
    let secret = secret_of(&converted.table);
    report.credentials(stored_credentials(&flow_file, &user_dir, secret));
    if !options.check {
        write(&target, &converted.table, options.force)
            .with_context(|| format!("cannot write `{}`", target.display()))?;
        report.written(&target);
    }
    report.print(options.json)?;
    Ok(if report.is_complete() { ExitCode::SUCCESS } else { ExitCode::from(LEFT) })
}

/// What can be said if the settings are not known: the flows are those that Node-RED takes by default.
fn report_without_settings(
    folder: &Path,
    program: Program<'_>,
    as_json: bool,
) -> anyhow::Result<()> {
    let mut report = Report::new(folder, Vec::new());
    let flow_file = directory::flow_file(folder, &Found::Object(Vec::new()));
    report_files(&mut report, program, folder, &flow_file)?;
    report.print(as_json)
}

/// The packages and the nodes.
fn report_files(
    report: &mut Report,
    program: Program<'_>,
    user_dir: &Path,
    flow_file: &Path,
) -> anyhow::Result<()> {
    report.packages(directory::packages(user_dir), user_dir);
    let own = program.read_settings()?;
    let (registry, missing_runtime) = program.types_of(&own, user_dir)?;
    report.flows(flow_file, flows::read(&[flow_file.to_owned()]), |file| {
        nodes::examine(file, &registry, process_env)
    });
    report.missing_runtime(missing_runtime);
    Ok(())
}

/// The settings, and their text. Without a file they are those that Node-RED takes by default.
fn read_settings(folder: &Path) -> anyhow::Result<(Evaluated, String)> {
    let file = folder.join(settings_js::NAME);
    if file.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
        let notes = vec!["there is no `settings.js`: Node-RED's defaults are taken".to_owned()];
        let settings = Found::Object(Vec::new());
        return Ok((Evaluated { settings, notes, files: Vec::new() }, String::new()));
    }
    let given = Given { variables: process_variables(), folder: folder.to_owned() };
    // As in Node.js, the files beside it are those beside what a link leads to.
    let real = file.canonicalize().unwrap_or_else(|_| file.clone());
    let evaluated = program::evaluate(&real, &given).map_err(|reason| {
        anyhow::anyhow!("`{}` gives no settings: {reason}; nothing is written", file.display())
    })?;
    let text = std::fs::read(&file).unwrap_or_default();
    Ok((evaluated, String::from_utf8_lossy(&text).into_owned()))
}

/// Names the files that the settings do not name, and returns the flow file.
fn choose_files(user_dir: &Path, settings: &Found, converted: &mut Converted) -> PathBuf {
    let mut set = |key: &str, setting: &str, value: toml::Value, reason: Option<String>| {
        converted.table.insert(setting.to_owned(), value);
        let fate = match reason {
            Some(reason) => Fate::Left(reason),
            None => Fate::Taken(vec![setting.to_owned()]),
        };
        converted.entries.push(Entry { key: key.to_owned(), line: None, fate });
    };
    let path = |path: &Path| toml::Value::from(path.to_string_lossy().into_owned());
    if settings.get("userDir").is_none() {
        converted_user_dir(&mut set, user_dir);
    }
    let is_on = process_env(PROJECTS).is_some_and(|value| !value.is_empty() && is_on(&value));
    if let Some(project) = directory::project(user_dir, settings, is_on) {
        let reason = format!(
            "projects are not supported; the flow file of the active one, `{}`, is run, without its versions",
            project.name
        );
        set("editorTheme.projects", "flow-file", path(&project.flow_file), Some(reason));
        if let Some(secret) = project.secret {
            set(".config.projects.json", "credential-secret", secret.into(), None);
        }
        return project.flow_file;
    }
    let flow_file = directory::flow_file(user_dir, settings);
    if settings.get("flowFile").is_none() {
        set("flowFile", "flow-file", path(&flow_file), None);
    }
    if settings.get("credentialSecret").is_none()
        && let Some(secret) = directory::former_secret(user_dir)
    {
        set(".config.json", "credential-secret", secret.into(), None);
    }
    flow_file
}

fn converted_user_dir(
    set: &mut impl FnMut(&str, &str, toml::Value, Option<String>),
    user_dir: &Path,
) {
    set("userDir", "user-dir", user_dir.to_string_lossy().into_owned().into(), None);
}

/// The file must not prevent a start.
fn refuse_invalid(converted: &Converted, registry: &SettingRegistry) -> anyhow::Result<()> {
    convert::check(&converted.table, registry)
        .map_err(|mistakes| anyhow::anyhow!("the settings do not fit each other: {mistakes}"))
}

fn secret_of(table: &toml::Table) -> CredentialSecret {
    match table.get("credential-secret").and_then(toml::Value::as_str) {
        None => CredentialSecret::Generated,
        Some("false") => CredentialSecret::Off,
        Some(secret) => CredentialSecret::Given(secret.to_owned()),
    }
}

/// Writes the file, which only its owner may read. Without `force`, one that has appeared meanwhile is kept.
fn write(target: &Path, table: &toml::Table, force: bool) -> anyhow::Result<()> {
    let text = format!(
        "# Written by `ferrowire migrate` from Node-RED's settings. It may contain secrets.\n\n{}",
        toml::to_string_pretty(table)?
    );
    if force {
        // One that is there would keep its permissions, or be the file that a link leads to.
        if target.symlink_metadata().is_ok() {
            std::fs::remove_file(target)?;
        }
        let content =
            Content { path: target, bytes: text.as_bytes(), secret: true, keep_old: false };
        return Ok(replace(content)?);
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(target)?;
    file.write_all(text.as_bytes())?;
    Ok(file.sync_all()?)
}
