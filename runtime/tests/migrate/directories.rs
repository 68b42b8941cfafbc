//! The files around the settings: flows, credentials, packages, projects, and what may be wrong with them.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use serde_json::json;

use crate::support::Directory;

/// In the form of the file that Node-RED writes for a new user.
const USUAL: &str = r#"/**
 * The settings of this instance. module.exports is what counts.
 **/
module.exports = {
    /** The flows: */
    flowFile: 'flows.json',
    // credentialSecret: "something",
    flowFilePretty: true,

    // adminAuth: { type: "credentials", users: [] },
    // https: function() { return { key: require("fs").readFileSync('privkey.pem') } },

    /** The port */
    uiPort: process.env.PORT || 1880,
    // uiHost: "127.0.0.1",
    // httpStatic: '/home/nol/node-red-static/',

    diagnostics: { enabled: true, ui: true },
    runtimeState: { enabled: false, ui: false },
    telemetry: { },
    logging: { console: { level: "info", metrics: false, audit: false } },
    // contextStorage: { default: { module: "localfilesystem" } },
    exportGlobalContextKeys: false,
    externalModules: { },
    editorTheme: {
        palette: { },
        projects: { enabled: false, workflow: { mode: "manual" } },
        codeEditor: { lib: "monaco", options: { } },
        markdownEditor: { mermaid: { enabled: true } },
        multiplayer: { enabled: false },
    },
    functionExternalModules: true,
    globalFunctionTimeout: 0,
    functionTimeout: 0,
    functionGlobalContext: { },
    debugMaxLength: 1000,
    mqttReconnectTime: 15000,
    serialReconnectTime: 15000,
}
"#;

#[test]
fn of_the_usual_settings_only_the_address_is_left_to_people() {
    let directory = Directory::new(&[("settings.js", USUAL)]);
    let (report, settings) = directory.migrate();
    let left = report.0["settings"].as_array().unwrap().iter().filter(|it| it["fate"] == "left");
    let left: Vec<_> = left.map(|it| it["key"].as_str().unwrap()).collect();
    assert_eq!(left, ["uiHost"]);
    assert!(report.left("uiHost").contains("has no login"), "{}", report.left("uiHost"));
    assert_eq!(report.line("uiPort"), 14);
    assert_eq!(settings["port"].as_integer(), Some(1880));
    assert_eq!(settings["mqtt-reconnect-time"].as_float(), Some(15.0));
    assert!(!settings.contains_key("listen"), "only this machine reaches it");
}

#[test]
fn the_environment_of_the_command_is_that_of_the_settings() {
    let directory = Directory::new(&[("settings.js", USUAL)]);
    let (_, settings) = directory.migrate_with(&[("PORT", "2880")]);
    assert_eq!(settings["port"].as_str(), Some("2880"));
}

#[test]
fn without_settings_the_defaults_of_node_red_are_taken() {
    let directory = Directory::new(&[]);
    let (report, settings) = directory.migrate();
    assert!(report.texts("notes")[0].contains("no `settings.js`"));
    assert_eq!(settings["user-dir"].as_str(), directory.root().to_str());
    assert_eq!(settings["flow-file"].as_str(), directory.path("flows.json").to_str());
}

#[test]
fn a_file_of_settings_is_replaced_only_if_that_is_asked_for() {
    let directory = Directory::exporting("uiPort: 1881, uiHost: '127.0.0.1'");
    directory.add("ferrowire.toml", "port = 7\n");
    fs::set_permissions(directory.path("ferrowire.toml"), fs::Permissions::from_mode(0o644))
        .unwrap();
    let error = directory.refused(&[]);
    assert!(error.contains("`--force` replaces it"), "{error}");
    let output = directory.run(&["--force"]);
    assert_eq!(output.status.code(), Some(0));
    let (file, text) = (directory.path("ferrowire.toml"), "port = 1881");
    assert!(fs::read_to_string(&file).unwrap().contains(text));
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
}

#[test]
fn a_check_writes_nothing_and_says_the_same() {
    let directory = Directory::exporting("uiPort: 1881, httpAdminMiddleware: () => {}");
    let before = directory.contents();
    let checked = directory.run(&["--check"]);
    assert_eq!(directory.contents(), before);
    assert_eq!(checked.status.code(), Some(1));
    let written = directory.run(&[]);
    let [checked, written] = [checked, written].map(|it| String::from_utf8(it.stdout).unwrap());
    let cut = |text: &str| text.rsplit_once("\n\n").unwrap().0.to_owned();
    assert_eq!(cut(&checked), cut(&written));
    assert!(checked.contains("`httpAdminMiddleware` (line 2): middleware"), "{checked}");
    assert!(checked.ends_with("nothing was written\n"), "{checked}");
    assert!(written.contains("ferrowire run --settings"), "{written}");
}

#[test]
fn a_link_in_the_place_of_the_file_is_not_followed() {
    let directory = Directory::exporting("uiHost: '127.0.0.1'");
    let outside = tempfile::NamedTempFile::new().unwrap();
    symlink(outside.path(), directory.path("ferrowire.toml")).unwrap();
    directory.refused(&[]);
    assert_eq!(directory.run(&["--force"]).status.code(), Some(0));
    assert_eq!(fs::read(outside.path()).unwrap(), b"");
    assert!(directory.path("ferrowire.toml").symlink_metadata().unwrap().is_file());
}

#[test]
fn linked_directories_settings_and_flows_are_followed() {
    let directory = Directory::new(&[
        ("real/settings.js", "module.exports = { uiHost: '127.0.0.1', uiPort: require('./port') }"),
        ("real/port.json", "1899"),
        ("real/flows.json", "[]"),
    ]);
    fs::create_dir(directory.path("linked")).unwrap();
    for name in ["settings.js", "flows.json"] {
        symlink(directory.path("real").join(name), directory.path("linked").join(name)).unwrap();
    }
    symlink(directory.path("linked"), directory.path("to-linked")).unwrap();
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ferrowire"));
    let output = command.arg("migrate").arg(directory.path("to-linked")).output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
    let written = fs::read_to_string(directory.path("linked/ferrowire.toml")).unwrap();
    assert!(written.contains("port = 1899"), "{written}");
    let user_dir = directory.path("linked");
    assert!(written.contains(&format!("user-dir = \"{}\"", user_dir.display())), "{written}");
}

#[test]
fn a_missing_or_damaged_flow_file_is_reported() {
    let directory = Directory::new(&[("settings.js", "module.exports = { flowFile: 'x.json' }")]);
    let (report, settings) = directory.migrate();
    assert!(report.texts("left")[0].contains("x.json"), "{:?}", report.texts("left"));
    assert_eq!(settings["flow-file"].as_str(), directory.path("x.json").to_str());
    directory.add("x.json", "[{");
    let output = directory.run(&["--check"]);
    let text = String::from_utf8(output.stdout).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(text.contains("is not a flow file"), "{text}");
}

#[test]
fn the_flow_file_may_have_the_name_of_the_host() {
    let host = fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let name = format!("flows_{}.json", host.trim());
    let directory = Directory::new(&[(name.as_str(), r#"[{"id": "a", "type": "inject"}]"#)]);
    let (report, settings) = directory.migrate();
    assert_eq!(settings["flow-file"].as_str(), directory.path(&name).to_str());
    assert_eq!(report.0["nodes"][0]["runs"], "native");
}

/// Credentials of one node, encrypted with the secret of the name.
const GENERATED: &str = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const ENCRYPTED: &str = "000102030405060708090a0b0c0d0e0fI6BokQpXdGPdMR/gRnHgLRuQErjwc+jBrRq28/MqoKvXW2hsjqQKrpZcY0Ty7K/MyzE0j5M1G3IRrsE=";

fn with_credentials(config: &str, settings: &str) -> Directory {
    Directory::new(&[
        ("settings.js", settings),
        ("flows.json", "[]"),
        ("flows_cred.json", &json!({"$": ENCRYPTED}).to_string()),
        (config, &json!({"_credentialSecret": GENERATED}).to_string()),
    ])
}

#[test]
fn the_generated_secret_stays_where_it_is() {
    let directory = with_credentials(".config.runtime.json", "module.exports = {}");
    let (report, settings) = directory.migrate();
    let line = report.0["credentials"].as_str().unwrap();
    assert!(line.ends_with("of 1 nodes, encrypted, readable"), "{line}");
    assert!(!settings.contains_key("credential-secret"));
}

#[test]
fn the_generated_secret_of_old_versions_is_taken_over_and_never_printed() {
    let directory = with_credentials(".config.json", "module.exports = {}");
    let checked = directory.run(&["--check"]);
    assert!(!String::from_utf8(checked.stdout).unwrap().contains(GENERATED));
    let (report, settings) = directory.migrate();
    assert_eq!(settings["credential-secret"].as_str(), Some(GENERATED));
    assert!(report.0["credentials"].as_str().unwrap().ends_with("readable"));
    assert!(!report.0.to_string().contains(GENERATED));
}

#[test]
fn credentials_with_another_secret_are_reported() {
    let settings = "module.exports = { credentialSecret: 'another one' }";
    let directory = with_credentials(".config.unused.json", settings);
    let (report, settings) = directory.migrate();
    assert_eq!(settings["credential-secret"].as_str(), Some("another one"));
    let left = report.texts("left");
    assert!(left[0].contains("flows_cred.json") && left[0].contains("another secret"), "{left:?}");
    assert!(!report.0.to_string().contains("another one"));
}

#[test]
fn of_projects_the_flow_file_and_the_secret_of_the_active_one_are_taken() {
    let directory = Directory::new(&[
        ("settings.js", "module.exports = { editorTheme: { projects: { enabled: true } } }"),
        (
            ".config.projects.json",
            &json!({"activeProject": "shop", "projects": {"shop": {"credentialSecret": GENERATED}}})
                .to_string(),
        ),
        (
            "projects/shop/package.json",
            r#"{"node-red": {"settings": {"flowFile": "main.json"}}}"#,
        ),
        ("projects/shop/main.json", r#"[{"id": "a", "type": "inject"}]"#),
        ("projects/shop/main_cred.json", &json!({"$": ENCRYPTED}).to_string()),
    ]);
    let (report, settings) = directory.migrate();
    let flow_file = directory.path("projects/shop/main.json");
    assert_eq!(settings["flow-file"].as_str(), flow_file.to_str());
    assert!(report.left("editorTheme.projects").contains("`shop`"));
    assert!(report.0["credentials"].as_str().unwrap().ends_with("readable"));
    assert_eq!(report.0["nodes"].as_array().unwrap().len(), 1);
}

#[test]
fn a_directory_that_is_none_or_is_missing_is_refused() {
    let directory = Directory::new(&[]);
    let run = |name: &str| {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_ferrowire"));
        let output = command.arg("migrate").arg(directory.path(name)).output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    let (code, error) = run("flows.json");
    assert!(code == Some(2) && error.contains("is not a directory"), "{error}");
    let (code, error) = run("nowhere");
    assert!(code == Some(2) && error.contains("cannot read the directory"), "{error}");
}

/// Whether this process may read and write what its permissions forbid.
fn is_privileged(directory: &Directory) -> bool {
    let probe = directory.path("probe");
    fs::write(&probe, "").unwrap();
    fs::set_permissions(&probe, fs::Permissions::from_mode(0o000)).unwrap();
    let readable = fs::read(&probe).is_ok();
    fs::remove_file(&probe).unwrap();
    readable
}

#[test]
fn settings_that_cannot_be_read_are_refused() {
    let directory = Directory::new(&[]);
    // A directory of this name is unreadable for every user.
    fs::create_dir(directory.path("settings.js")).unwrap();
    let error = directory.refused(&[]);
    assert!(error.contains("EISDIR"), "{error}");
    fs::remove_dir(directory.path("settings.js")).unwrap();
    if !is_privileged(&directory) {
        directory.add("settings.js", "module.exports = {}");
        let settings = directory.path("settings.js");
        fs::set_permissions(settings, fs::Permissions::from_mode(0o000)).unwrap();
        assert!(directory.refused(&[]).contains("EACCES"));
    }
}

#[test]
fn a_directory_that_cannot_be_written_to_can_be_checked() {
    let directory = Directory::exporting("uiHost: '127.0.0.1'");
    if is_privileged(&directory) {
        // Nothing forbids root to write, but a directory in the place of the file does.
        fs::create_dir(directory.path("ferrowire.toml")).unwrap();
        let error = directory.refused(&["--force"]);
        assert!(error.contains("cannot write"), "{error}");
    } else {
        fs::set_permissions(directory.root(), fs::Permissions::from_mode(0o555)).unwrap();
        let error = directory.refused(&[]);
        assert!(error.contains("cannot write"), "{error}");
    }
    let output = directory.run(&["--check"]);
    fs::set_permissions(directory.root(), fs::Permissions::from_mode(0o755)).unwrap();
    assert_eq!(output.status.code(), Some(0), "{output:?}");
}
