//! Node-RED's settings become those of a `ferrowire.toml`.

mod access;
mod files;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use ferrowire_core::{SettingKind, SettingRecord, SettingRegistry};

use super::found::{Found, ReadFile};
use super::known::{self, Opinion};
use crate::settings::Settings;
use crate::settings::defines::{self, Defines};
use crate::settings::settings_js;
use crate::settings::sources::Sources;

/// What becomes of a key of the settings.
#[derive(Debug)]
pub(super) enum Fate {
    /// These settings have its value.
    Taken(Vec<String>),
    /// Nothing has to be done, for this reason.
    Needless(String),
    /// It has no counterpart, for this reason, or it is for people to decide.
    Left(String),
}

/// A key of the settings, with the keys of the objects around it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) key: String,
    pub(super) line: Option<usize>,
    pub(super) fate: Fate,
}

/// What is converted.
pub(super) struct Source<'a> {
    pub(super) registry: &'a SettingRegistry,
    /// The folder that relative paths are in.
    pub(super) folder: &'a Path,
    /// The text of the settings file.
    pub(super) text: &'a str,
    pub(super) settings: &'a Found,
    pub(super) files: &'a [ReadFile],
}

/// The settings, and what became of each key.
#[derive(Debug, Default)]
pub(super) struct Converted {
    pub(super) table: toml::Table,
    pub(super) entries: Vec<Entry>,
}

/// Converts all settings.
pub(super) fn convert(source: &Source<'_>) -> Converted {
    let mut converter = Converter {
        source,
        lines: settings_js::lines(source.text),
        converted: Converted::default(),
        is_locked: false,
        unprotected: Vec::new(),
    };
    for (key, value) in source.settings.members().unwrap_or_default() {
        converter.walk(key, value);
    }
    converter.lock();
    converter.listen();
    converter.converted
}

struct Converter<'a> {
    source: &'a Source<'a>,
    /// The lines of keys.
    lines: HashMap<&'a str, usize>,
    converted: Converted,
    /// Whether the editor needs a login that was not converted.
    is_locked: bool,
    /// The keys that protect what other machines reach, and were not converted.
    unprotected: Vec<String>,
}

/// Node-RED listens on all addresses by default.
const ALL_ADDRESSES: &str = "0.0.0.0";

impl Converter<'_> {
    fn walk(&mut self, key: &str, value: &Found) {
        if *value == Found::Null {
            return;
        }
        match key {
            "adminAuth" => self.admin_auth(value),
            "httpNodeAuth" => self.http_node_auth(value),
            "https" => self.https(value),
            "httpStatic" => self.http_static(value),
            // Part of the former.
            "httpStaticRoot" if self.source.settings.get("httpStatic").is_none() => {
                self.needless(key, "there is no `httpStatic`");
            }
            "httpStaticRoot" if self.has_static_root() => {
                self.needless(key, "it begins the root of the folder in `httpStatic`");
            }
            "httpRoot" => self.http_root(value),
            "httpAdminRoot" if value.bool() == Some(false) => {
                self.take(key, [("http-admin-root", "off".into())]);
            }
            "contextStorage" => self.context_storage(value),
            "logging" => self.logging(value),
            "flowFile" | "userDir" => self.path_in_folder(key, value),
            "credentialSecret" if value.bool() == Some(false) => {
                self.take(key, [("credential-secret", "false".into())]);
            }
            "functionGlobalContext" => self.global_context(value),
            "functionTimeout" if *value != Found::Number(0.0) => match value.to_toml() {
                Ok(value) => self.take(key, [("function-timeout", value)]),
                Err(reason) => self.left(key, &reason),
            },
            // See `listen`.
            "uiHost" => {}
            "httpNodeMiddleware" | "httpAdminMiddleware" | "webSocketNodeVerifyClient" => {
                self.unprotected.push(key.to_owned());
                self.generic(key, value);
            }
            _ => self.generic(key, value),
        }
    }

    /// A setting of the same meaning, or what is known of the key.
    fn generic(&mut self, key: &str, value: &Found) {
        if let Some(record) = defines::of_node_red(key, self.source.registry) {
            return match value.to_toml() {
                Ok(value) => {
                    let value = self.absolute(record, defines::in_our_unit(key, value));
                    self.take(key, [(record.name, value)]);
                }
                Err(reason) => self.left(key, &reason),
            };
        }
        if value.is_empty() {
            return self.needless(key, "it is empty");
        }
        if let (Some(members), true) = (value.members(), self.has_members(key)) {
            for (name, value) in members.iter().filter(|(_, value)| *value != Found::Null) {
                self.generic(&format!("{key}.{name}"), value);
            }
            return;
        }
        match known::opinion(key, value).or_else(|| around(key)) {
            Some(Opinion::Needless(reason)) => self.needless(key, reason),
            Some(Opinion::Missing(reason)) => self.left(key, reason),
            None => self.left(
                key,
                "no setting of this program; nodes of npm packages read it in `settings.js`",
            ),
        }
    }

    fn has_members(&self, key: &str) -> bool {
        let of_record = |record: &SettingRecord| {
            record.node_red.key.strip_prefix(key).is_some_and(|rest| rest.starts_with('.'))
        };
        known::has_members(key) || self.source.registry.iter().any(of_record)
    }

    fn logging(&mut self, value: &Found) {
        for (name, target) in value.members().unwrap_or_default() {
            let key = format!("logging.{name}");
            for (option, value) in
                target.members().filter(|_| name == "console").unwrap_or_default()
            {
                let key = format!("{key}.{option}");
                match (option.as_str(), value.text()) {
                    // What the program logs has no higher level than errors.
                    ("level", Some("fatal")) => self.take(&key, [("log", "error".into())]),
                    _ => self.generic(&key, value),
                }
            }
            if name != "console" {
                self.generic(&key, target);
            }
        }
    }

    fn http_root(&mut self, value: &Found) {
        let roots = [("httpAdminRoot", "http-admin-root"), ("httpNodeRoot", "http-node-root")];
        for (own, setting) in roots {
            match (self.source.settings.get(own), value.to_toml()) {
                (Some(_), _) => {}
                (None, Ok(value)) => self.take("httpRoot", [(setting, value)]),
                (None, Err(reason)) => self.left("httpRoot", &reason),
            }
        }
    }

    fn path_in_folder(&mut self, key: &str, value: &Found) {
        let setting = if key == "userDir" { "user-dir" } else { "flow-file" };
        match value.text() {
            Some(path) => self.take(key, [(setting, self.in_folder(path).into())]),
            None => self.left(key, &format!("expected a path, found {}", value.describe())),
        }
    }

    fn global_context(&mut self, value: &Found) {
        let Some(members) = value.members() else {
            return self.left("functionGlobalContext", &format!("it is {}", value.describe()));
        };
        if members.is_empty() {
            self.needless("functionGlobalContext", "it is empty");
        }
        let mut values = toml::Table::new();
        for (name, value) in members {
            let reason = match (value, value.to_toml()) {
                (_, Ok(value)) => {
                    values.insert(name.clone(), value);
                    continue;
                }
                (Found::Module(module), _) => {
                    format!(
                        "add the module `{module}` to the Setup tab of the functions that use it"
                    )
                }
                (Found::Function, _) => {
                    "contexts hold data; put the function into a function node".to_owned()
                }
                (_, Err(reason)) => reason,
            };
            self.left(&format!("functionGlobalContext.{name}"), &reason);
        }
        if !values.is_empty() {
            self.take("functionGlobalContext", [("function-global-context", values.into())]);
        }
    }

    /// The editor is not served without the login that it had.
    fn lock(&mut self) {
        if self.is_locked && !self.converted.table.contains_key("admin-auth") {
            self.converted.table.insert("http-admin-root".to_owned(), "off".into());
            self.left(
                "adminAuth",
                "the editor is off (`http-admin-root`) until `admin-auth` says who may use it",
            );
        }
    }

    /// Other machines reach the port as before, unless something that protects it is missing.
    fn listen(&mut self) {
        let given = self.source.settings.get("uiHost");
        let host = match given {
            Some(host) => host.text().unwrap_or(ALL_ADDRESSES).to_owned(),
            None => ALL_ADDRESSES.to_owned(),
        };
        let is_local = host == "localhost" || host.parse().is_ok_and(|it: IpAddr| it.is_loopback());
        let table = &self.converted.table;
        let has_login = table.contains_key("admin-auth")
            || table.get("http-admin-root").and_then(toml::Value::as_str) == Some("off");
        if is_local || has_login && self.unprotected.is_empty() {
            // A name needs a port; `port` has precedence.
            let is_name = host.parse::<IpAddr>().is_err();
            let address = if is_name { format!("{host}:1880") } else { host };
            return self.take("uiHost", [("listen", address.into())]);
        }
        let reason = match self.unprotected.as_slice() {
            [] => "the editor has no login, so only this machine reaches the port; set `admin-auth`, then `listen`"
                .to_owned(),
            keys => format!(
                "only this machine reaches the port, since what protects it is missing (`{}`); see to that, then set `listen`",
                keys.join("`, `")
            ),
        };
        let whole = match given {
            Some(_) => reason,
            None => format!("not given, so Node-RED listens on all addresses; here {reason}"),
        };
        self.left("uiHost", &whole);
    }

    // What happens to keys.

    /// Takes settings over, if this program accepts them.
    fn take<const N: usize>(&mut self, key: &str, settings: [(&str, toml::Value); N]) {
        let names = settings.iter().map(|(name, _)| (*name).to_owned()).collect();
        let settings: toml::Table =
            settings.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        match self.check(&settings) {
            Ok(()) => {
                self.converted.table.extend(settings);
                self.add(key, Fate::Taken(names));
            }
            Err(reason) => self.left(key, &reason),
        }
    }

    /// Whether this program accepts the settings.
    fn check(&self, settings: &toml::Table) -> Result<(), String> {
        let mut settings = settings.clone();
        // Whether it is public is decided at the end.
        settings.insert("allow-public-editor".to_owned(), true.into());
        check(&settings, self.source.registry)
    }

    fn needless(&mut self, key: &str, reason: &str) {
        self.add(key, Fate::Needless(reason.to_owned()));
    }

    fn left(&mut self, key: &str, reason: &str) {
        self.add(key, Fate::Left(reason.to_owned()));
    }

    fn add(&mut self, key: &str, fate: Fate) {
        let first = key.split(['.', '[']).next().unwrap_or(key);
        let line = self.lines.get(first).copied();
        self.converted.entries.push(Entry { key: key.to_owned(), line, fate });
    }

    // Paths.

    fn in_folder(&self, path: &str) -> String {
        self.source.folder.join(path).to_string_lossy().into_owned()
    }

    fn absolute(&self, record: &SettingRecord, value: toml::Value) -> toml::Value {
        match value.as_str() {
            Some(path) if record.kind == SettingKind::Path => self.in_folder(path).into(),
            _ => value,
        }
    }
}

/// Whether this program accepts settings.
///
/// # Errors
/// Every mistake.
pub(super) fn check(settings: &toml::Table, registry: &SettingRegistry) -> Result<(), String> {
    let file = (PathBuf::from(super::FILE), settings.clone());
    let sources = Sources {
        flag: &|_| None,
        defines: &Defines::default(),
        env: &|_| None,
        file: Some(&file),
    };
    Settings::read(registry, &sources).map(drop).map_err(|mistakes| mistakes.join("; "))
}

/// What is known of the nearest object around a key.
fn around(key: &str) -> Option<Opinion> {
    let mut outer = key;
    while let Some((shorter, _)) = outer.rsplit_once('.') {
        if let Some(opinion) = known::opinion(shorter, &Found::Null) {
            return Some(opinion);
        }
        outer = shorter;
    }
    None
}
