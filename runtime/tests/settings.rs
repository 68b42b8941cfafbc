//! Settings through the program: the source of each value, and the help, documentation and
//! completions that are derived from the records.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

fn ferrowire(args: &[&str], env: &[(&str, &str)]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ferrowire"));
    command.args(args).envs(env.iter().copied()).output().unwrap()
}

/// The output of a successful command.
fn printed(args: &[&str], env: &[(&str, &str)]) -> String {
    let output = ferrowire(args, env);
    let errors = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{errors}");
    String::from_utf8(output.stdout).unwrap()
}

/// The error of a failing command.
fn refused(args: &[&str], env: &[(&str, &str)]) -> String {
    let output = ferrowire(args, env);
    assert_eq!(output.status.code(), Some(2));
    String::from_utf8(output.stderr).unwrap()
}

fn listed(args: &[&str], env: &[(&str, &str)]) -> Vec<Value> {
    let text = printed(&[&["settings", "--json"], args].concat(), env);
    serde_json::from_str(&text).unwrap()
}

fn setting<'a>(all: &'a [Value], name: &str) -> &'a Value {
    all.iter().find(|setting| setting["name"] == name).unwrap()
}

const HASH: &str = "$2b$04$......................DsXWVRyZ8ZnWEHlXyuPDYZmKrIWuD.C";

#[test]
fn each_setting_is_listed_with_its_value_and_where_it_comes_from() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ferrowire.toml");
    let text = "workers = 3\nmax-queue = '1 MiB'\nfunction-memory = 64\nlog = 'warn'\n\
                plugins = ['/a?required=false', { path = '/b', required = false }]\n";
    std::fs::write(&file, text).unwrap();
    let env = [("FERROWIRE_MAX_QUEUE", "2 MiB"), ("FERROWIRE_LOG", "debug")];
    let args = ["--settings", file.to_str().unwrap(), "--log", "trace", "--no-editor"];
    let all = listed(&args, &env);
    for (name, value, from, default) in [
        ("log", "trace", "flag", "info"),
        ("no-editor", "true", "flag", "false"),
        ("max-queue", "2 MiB", "env", "4 MiB"),
        ("workers", "3", "file", ""),
        ("function-memory", "64", "file", "128"),
        ("function-timeout", "10", "default", "10"),
    ] {
        let found = setting(&all, name);
        let text = |key: &str| found[key].as_str().unwrap_or_default().to_owned();
        assert_eq!(
            (text("value"), text("from"), text("default")),
            (value.into(), from.into(), default.into()),
            "{name}"
        );
    }
    assert_eq!(setting(&all, "function-memory")["plugin"], "ferrowire-plugin-function");
    let table = printed(&[&["settings"], &args[..]].concat(), &env);
    let line = |name: &str| {
        let line = table.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    assert_eq!(line("log "), "log trace flag info");
    assert_eq!(line("workers "), "workers 3 file (one for each core)");
    assert_eq!(line("tls-key "), "tls-key - default -");
    assert!(line("plugins ").contains("/b"), "{}", line("plugins "));
}

#[test]
fn secrets_are_never_listed() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ferrowire.toml");
    let text = format!(
        "credential-secret = 'hush-hush'\n[admin-auth]\n[[admin-auth.users]]\nusername = 'someone'\n\
         password = '{HASH}'\npermissions = '*'\n[http-node-auth]\nuser = 'visitor'\npass = '{HASH}'\n\
         [http-node-cors]\norigin = 'https://shown'\n"
    );
    std::fs::write(&file, text).unwrap();
    let env = [
        ("FERROWIRE_SETTINGS", file.to_str().unwrap()),
        ("FERROWIRE_ADMIN_TOKEN", "token-of-an-admin"),
    ];
    let all = listed(&[], &env);
    for (name, from) in [
        ("credential-secret", "file"),
        ("admin-token", "env"),
        ("admin-auth", "file"),
        ("http-node-auth", "file"),
    ] {
        let found = setting(&all, name);
        assert_eq!((&found["value"], &found["from"]), (&Value::Null, &from.into()), "{name}");
        assert_eq!(found["secret"], true, "{name}");
    }
    let table = printed(&["settings"], &env);
    assert!(table.contains("https://shown"), "{table}");
    let shown = table + &serde_json::to_string(&all).unwrap();
    for secret in ["hush-hush", "token-of-an-admin", "someone", "visitor", HASH] {
        assert!(!shown.contains(secret), "{secret} is shown in:\n{shown}");
    }
}

#[test]
fn a_secret_has_no_flag() {
    let text = refused(&["run", "--admin-token", "0123456789abcdef"], &[]);
    assert!(text.contains("unexpected argument '--admin-token'"), "{text}");
}

#[test]
fn help_shows_every_setting_below_its_heading_with_default_bounds_and_variable() {
    let help = printed(&["run", "--help"], &[]);
    for setting in listed(&[], &[]) {
        let name = setting["name"].as_str().unwrap();
        let line = help.lines().find(|line| line.contains(setting["help"].as_str().unwrap()));
        let line = line.unwrap_or_else(|| panic!("`{name}` is missing in:\n{help}"));
        assert!(line.contains(name), "{line}");
        let has = |key: &str| setting[key].as_str().is_none_or(|text| line.contains(text));
        assert!(has("default") && has("bounds") && has("variable"), "{line}");
        let is_headed = setting["secret"] == true || setting["kind"] == "table";
        assert!(
            is_headed || help.contains(&format!("\n{}:\n", setting["group"].as_str().unwrap()))
        );
    }
}

#[test]
fn settings_of_plugins_are_checked_with_those_of_the_runtime() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ferrowire.toml");
    std::fs::write(&file, "http-request-timeout = 'never'\nhttp-request-timeouts = 1\n").unwrap();
    let env = [("FERROWIRE_FUNCTION_MEMORY", "0"), ("FERROWIRE_WORKERS", "0")];
    let args = ["--settings", file.to_str().unwrap(), "--function-timeout", "soon"];
    for command in ["run", "settings"] {
        let text = refused(&[&[command], &args[..]].concat(), &env);
        for part in [
            "`--function-timeout` is `soon`: expected a number of seconds from 0.001 to 31536000",
            "`FERROWIRE_FUNCTION_MEMORY` is `0`: expected a whole number from 1 to 65536",
            "`FERROWIRE_WORKERS` is `0`",
            "`http-request-timeout` in `",
            "is not a setting; did you mean `http-request-timeout`?",
        ] {
            assert!(text.contains(part), "{part} is missing in:\n{text}");
        }
        assert_eq!(text.lines().count(), 6, "{text}");
    }
}

#[test]
fn the_documentation_of_settings_is_up_to_date() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/settings.md");
    let expected = printed(&["settings", "--markdown"], &[]);
    assert!(
        std::fs::read_to_string(page).unwrap() == expected,
        "regenerate it: `cargo run -- settings --markdown > docs/settings.md`"
    );
}

/// The examples of a settings file on a page, as one file.
fn examples(page: &str) -> String {
    let parts = page.split("```toml\n").skip(1);
    let mut parts: Vec<&str> = parts.map(|part| part.split("```").next().unwrap()).collect();
    // Keys come before tables.
    parts.sort_by_key(|part| part.starts_with('['));
    parts.concat().replace("$2b$08$…", HASH)
}

#[test]
fn the_examples_in_the_documentation_are_valid_settings() {
    let readme = include_str!("../../README.md");
    let page = printed(&["settings", "--markdown"], &[]);
    let tables = ["credential-secret", "http-node-auth", "http-node-cors"];
    for (page, names) in [(readme, &["credential-secret"][..]), (&page, &tables)] {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("ferrowire.toml");
        std::fs::write(&file, examples(page)).unwrap();
        let all = listed(&["--settings", file.to_str().unwrap()], &[]);
        for name in names.iter().chain(&["admin-auth", "context-storage"]) {
            assert_eq!(setting(&all, name)["from"], "file", "{name}");
        }
    }
}

#[test]
fn a_refusal_shows_an_example_of_what_it_names() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ferrowire.toml");
    let with = |text: &str| {
        std::fs::write(&file, text).unwrap();
        refused(&["settings", "--settings", file.to_str().unwrap()], &[])
    };
    for (text, example) in [
        ("adminAuth = 1", "    [[admin-auth.users]]\n    username = \"admin\"\n"),
        ("[admin-auth]\nuser = 1", "    [[admin-auth.users]]\n    username = \"admin\"\n"),
        ("credentialSecret = 'x'", "    credential-secret = \""),
        ("[context-storage.a]\nmodule = 'redis'", "    [context-storage]\n    default = "),
        ("[http-node-auth]\nuser = 'a'", "    [http-node-auth]\n    user = "),
        ("[http-node-cors]\ncolour = 1", "    [http-node-cors]\n    origin = "),
    ] {
        let refusal = with(text);
        assert!(refusal.contains(example), "{text}: {refusal}");
    }
    assert!(!with("colour = 1").contains("An example"));
    let public = refused(&["settings", "--listen", "0.0.0.0:0"], &[]);
    assert!(public.contains("    [[admin-auth.users]]\n"), "{public}");
}

#[test]
fn shells_complete_flags_and_choices() {
    for shell in ["bash", "zsh", "fish", "powershell", "elvish"] {
        let script = printed(&["completions", shell], &[]);
        for part in ["slow-client", "function-timeout", "http-node-max-open", "hash-password"] {
            assert!(script.contains(part), "{part} is missing for {shell}");
        }
        assert!(!script.contains("admin-token"), "{shell}");
    }
    let bash = printed(&["completions", "bash"], &[]);
    assert!(bash.contains("disconnect drop dropOldest latest wait"), "{bash}");
}
