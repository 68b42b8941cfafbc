//! The settings that libraries declare: in the help, in the list, in all sources, checked with the
//! runtime's own, and read by nodes.

use std::process::Command;

use crate::{built, program};

fn printed(command: &mut Command) -> String {
    let output = command.output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{command:?}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

fn refused(command: &mut Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{command:?}");
    String::from_utf8(output.stderr).unwrap()
}

/// A settings file with this content.
fn file(content: &str) -> tempfile::NamedTempFile {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), content).unwrap();
    file
}

#[test]
fn the_help_shows_them_with_default_bounds_and_variable() {
    let help = printed(program("run").arg("--help"));
    // Long lines are wrapped.
    let lines: Vec<&str> = help.split_whitespace().collect();
    let help = lines.join(" ");
    for part in [
        "Functions:",
        "--function-timeout <SECONDS>",
        "[default: 10] [from 0.001 to 31536000] [env: FERROWIRE_FUNCTION_TIMEOUT]",
        "--http-request-timeout <SECONDS>",
    ] {
        assert!(help.contains(part), "{part} is missing in:\n{help}");
    }
}

#[test]
fn a_value_comes_from_a_flag_the_environment_or_the_file() {
    let file = file("function-timeout = 3\nfunction-memory = 64\nhttp-request-timeout = 5");
    let mut list = program("settings");
    list.args(["--function-timeout", "1.5", "--json", "--settings"]).arg(file.path());
    list.env("FERROWIRE_FUNCTION_MEMORY", "32");
    let list: Vec<serde_json::Value> = serde_json::from_str(&printed(&mut list)).unwrap();
    for (name, value, from, plugin) in [
        ("function-timeout", "1.5", "flag", "ferrowire-plugin-function"),
        ("function-memory", "32", "env", "ferrowire-plugin-function"),
        ("http-request-timeout", "5", "file", "ferrowire-plugin-http-request"),
    ] {
        let row = list.iter().find(|row| row["name"] == name).unwrap();
        assert_eq!((&row["value"], &row["from"]), (&value.into(), &from.into()), "{name}");
        assert_eq!(row["plugin"], plugin);
    }
}

#[test]
fn the_settings_file_itself_may_name_the_libraries() {
    let plugins = built::plugins().display();
    let file = file(&format!("plugins = '{plugins}'\nfunction-timeout = 3"));
    let mut list = crate::bare();
    list.arg("settings").arg("--settings").arg(file.path());
    let list = printed(&mut list);
    let row = list.lines().find(|line| line.starts_with("function-timeout ")).unwrap();
    let columns: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(columns, ["function-timeout", "3", "file", "10"]);
}

#[test]
fn their_mistakes_are_reported_with_all_others() {
    let file = file("function-memory = 0\nworkers = 0\nfunction-tmeout = 1");
    let mut run = program("run");
    run.args(["--http-request-timeout", "soon", "--settings"]).arg(file.path());
    let error = refused(run.env("FERROWIRE_FUNCTION_TIMEOUT", "0"));
    for part in [
        "`--http-request-timeout` is `soon`: expected a number of seconds",
        "`FERROWIRE_FUNCTION_TIMEOUT` is `0`: expected a number of seconds from 0.001",
        "is `0`: expected a whole number from 1 to 65536",
        "is `0`: expected a whole number from 1 to 1024",
        "is not a setting; did you mean `function-timeout`?",
    ] {
        assert!(error.contains(part), "{part} is missing in:\n{error}");
    }
}

#[test]
fn they_are_unknown_without_the_library() {
    let mut run = crate::bare();
    let error = refused(run.args(["run", "--function-timeout", "1"]));
    assert!(error.contains("unexpected argument '--function-timeout'"), "{error}");
}

#[test]
fn a_library_that_is_refused_is_named_beside_its_unknown_flags_and_keys() {
    let file = file("plugins = '/nowhere'\nfunction-timeout = 1");
    let mut by_file = crate::bare();
    by_file.arg("run").arg("--settings").arg(file.path());
    let mut by_flag = crate::bare();
    by_flag.args(["run", "--plugins", "/nowhere", "--function-timeout", "1"]);
    for mut run in [by_file, by_flag] {
        let error = refused(&mut run);
        assert!(error.contains("plugin `/nowhere`: it cannot be read"), "{error}");
        assert!(error.contains("function-timeout"), "{error}");
    }
}

#[test]
fn a_check_of_the_library_names_them() {
    let (before, after) = (std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let library = built::plugins().join(format!("{before}ferrowire_plugin_function{after}"));
    let mut check = crate::bare();
    let checked = printed(check.args(["plugin", "check"]).arg(library));
    assert!(checked.contains("setting       function-timeout: Seconds for one run"), "{checked}");
}
