//! Settings: flags before environment before file, every mistake reported at once.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ferrowire_admin::{AuthConfig, CredentialSecret};
use ferrowire_http::TlsFiles;
use ferrowire_loader::{Kind, Request};
use ferrowire_websocket::{Limits, SlowPeer};

use crate::access;
use crate::contexts::{self, StoreSetting};
use crate::http_nodes::{self, HttpNodes};
use crate::numbers::{bytes, count, duration, workers};
use crate::wanted::{self, Wanted};

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LogFormat {
    /// For people.
    Human,
    /// One JSON object a line.
    Json,
}

/// All settings of the runtime.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The address of the one port.
    pub(crate) listen: SocketAddr,
    /// TLS for the port.
    pub(crate) tls: Option<TlsFiles>,
    /// What stands before the paths of listeners: Node-RED's `httpNodeRoot`.
    pub(crate) http_node_root: String,
    /// What flows serve over HTTP.
    pub(crate) http_nodes: HttpNodes,
    /// What stands before the paths of the editor and its API; `None` if neither is served.
    pub(crate) http_admin_root: Option<String>,
    /// Whether the API comes without the editor.
    pub(crate) no_editor: bool,
    /// Who may use the editor and its API; everybody if `None`.
    pub(crate) admin_auth: Option<AuthConfig>,
    /// Further names under which the editor is reached.
    pub(crate) editor_hosts: Vec<String>,
    /// The user directory; that of the flow file if `None`.
    pub(crate) user_dir: Option<PathBuf>,
    /// The largest body that the API accepts.
    pub(crate) api_max_length: usize,
    /// Whether the API can start and stop the flows.
    pub(crate) runtime_state: bool,
    /// Whether flow files are written with line breaks.
    pub(crate) flow_file_pretty: bool,
    /// How credentials are encrypted.
    pub(crate) credential_secret: CredentialSecret,
    /// Which log lines are written, in the syntax of `tracing_subscriber::EnvFilter`.
    pub(crate) log: String,
    /// How they look.
    pub(crate) log_format: LogFormat,
    /// Worker threads; one for each core if `None`.
    pub(crate) workers: Option<usize>,
    /// The time for a TLS handshake and for the head of a request.
    pub(crate) handshake_timeout: Duration,
    /// The time that nodes and connections get to stop.
    pub(crate) shutdown_timeout: Duration,
    /// The limits of each WebSocket connection.
    pub(crate) limits: Limits,
    /// What happens to clients that read too slowly.
    pub(crate) slow_client: SlowPeer,
    /// How long a client waits before it dials again.
    pub(crate) reconnect_delay: Duration,
    /// Where context is kept, the default store first.
    pub(crate) contexts: Vec<StoreSetting>,
    /// The plugins to be loaded.
    pub(crate) plugins: Vec<Request>,
    /// How long each of them may take to be ready.
    pub(crate) plugins_timeout: Duration,
}

/// One setting as it is found in a source.
struct Found {
    origin: String,
    text: String,
}

/// Where settings come from.
pub(crate) struct Sources<'a> {
    /// The value of a flag, by the setting's name.
    pub(crate) flag: &'a dyn Fn(&str) -> Option<String>,
    /// The value of an environment variable.
    pub(crate) env: &'a dyn Fn(&str) -> Option<String>,
    /// The settings file and its content.
    pub(crate) file: Option<(PathBuf, toml::Table)>,
}

impl fmt::Debug for Sources<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sources").field("file", &self.file).finish_non_exhaustive()
    }
}

/// The names of all settings: flags `--name`, variables `FERROWIRE_NAME`, keys `name`.
pub(crate) const NAMES: &[&str] = &[
    "listen",
    "tls-cert",
    "tls-key",
    "http-node-root",
    "http-node-max-length",
    "http-node-max-open",
    "http-node-timeout",
    "http-static",
    "http-static-root",
    "http-admin-root",
    "no-editor",
    "allow-public-editor",
    "editor-hosts",
    "user-dir",
    "api-max-length",
    "runtime-state",
    "flow-file-pretty",
    "log",
    "log-format",
    "workers",
    "handshake-timeout",
    "shutdown-timeout",
    "stall-timeout",
    "max-message",
    "max-queue",
    "slow-client",
    "reconnect-delay",
    "plugins",
    "plugin",
    "plugins-required",
    "plugins-timeout",
];

/// Settings without a flag: the arguments of a process are no secret.
pub(crate) const SECRETS: &[&str] = &["credential-secret", "admin-token"];

/// Tables of the settings file.
const TABLES: &[&str] = &["admin-auth", "context-storage", "http-node-auth", "http-node-cors"];

impl Settings {
    /// Reads all settings.
    ///
    /// # Errors
    /// Every mistake in every source: what is wrong where, and what would be right.
    pub(crate) fn read(sources: &Sources<'_>) -> Result<Self, Vec<String>> {
        let mut reader = Reader { sources, mistakes: Vec::new() };
        reader.refuse_unknown_keys();
        let limits = Limits {
            max_message: reader.get("max-message", bytes).unwrap_or(100 << 20),
            max_queue: reader.get("max-queue", bytes).unwrap_or(4 << 20),
            stall: reader.get("stall-timeout", duration).unwrap_or(Duration::from_secs(60)),
            ..Limits::default()
        };
        let settings = Settings {
            listen: reader
                .get("listen", address)
                .unwrap_or_else(|| SocketAddr::from(([127, 0, 0, 1], 1880))),
            tls: reader.tls(),
            http_node_root: reader.get("http-node-root", root).unwrap_or_default(),
            http_nodes: reader.http_nodes(),
            http_admin_root: reader
                .get("http-admin-root", admin_root)
                .unwrap_or_else(|| Some(String::new())),
            no_editor: reader.get("no-editor", boolean).unwrap_or(false),
            admin_auth: reader.admin_auth(),
            editor_hosts: reader.get("editor-hosts", hosts).unwrap_or_default(),
            user_dir: reader.get("user-dir", path),
            api_max_length: reader.get("api-max-length", bytes).unwrap_or(5 << 20),
            runtime_state: reader.get("runtime-state", boolean).unwrap_or(false),
            flow_file_pretty: reader.get("flow-file-pretty", boolean).unwrap_or(true),
            credential_secret: reader
                .get("credential-secret", secret)
                .unwrap_or(CredentialSecret::Generated),
            log: reader.get("log", filter).unwrap_or_else(|| "info".to_owned()),
            log_format: reader.get("log-format", log_format).unwrap_or(LogFormat::Human),
            workers: reader.get("workers", workers),
            handshake_timeout: reader
                .get("handshake-timeout", duration)
                .unwrap_or(Duration::from_secs(10)),
            shutdown_timeout: reader
                .get("shutdown-timeout", duration)
                .unwrap_or(Duration::from_secs(10)),
            limits,
            slow_client: reader.get("slow-client", slow_client).unwrap_or_default(),
            reconnect_delay: reader
                .get("reconnect-delay", duration)
                .unwrap_or(Duration::from_secs(3)),
            contexts: reader.contexts(),
            plugins: reader.plugins(),
            plugins_timeout: reader
                .get("plugins-timeout", duration)
                .unwrap_or(Duration::from_secs(10)),
        };
        reader.refuse_public_editor(&settings);
        if reader.mistakes.is_empty() { Ok(settings) } else { Err(reader.mistakes) }
    }
}

struct Reader<'a> {
    sources: &'a Sources<'a>,
    mistakes: Vec<String>,
}

impl Reader<'_> {
    /// In a flag or the environment.
    fn find_outside(&self, name: &str) -> Option<Found> {
        if let Some(text) = (self.sources.flag)(name) {
            return Some(Found { origin: format!("`--{name}`"), text });
        }
        let variable = format!("FERROWIRE_{}", name.to_uppercase().replace('-', "_"));
        if let Some(text) = (self.sources.env)(&variable) {
            return Some(Found { origin: format!("`{variable}`"), text });
        }
        None
    }

    fn find(&self, name: &str) -> Option<Found> {
        if let Some(found) = self.find_outside(name) {
            return Some(found);
        }
        let (path, table) = self.sources.file.as_ref()?;
        let text = match table.get(name)? {
            toml::Value::String(text) => text.clone(),
            toml::Value::Array(list) if list.iter().all(toml::Value::is_str) => {
                list.iter().filter_map(toml::Value::as_str).collect::<Vec<_>>().join(":")
            }
            other => other.to_string(),
        };
        Some(Found { origin: format!("`{name}` in `{}`", path.display()), text })
    }

    fn get<T>(&mut self, name: &str, parse: fn(&str) -> Result<T, String>) -> Option<T> {
        let Found { origin, text } = self.find(name)?;
        match parse(text.trim()) {
            Err(reason) if SECRETS.contains(&name) => {
                self.mistakes.push(format!("{origin}: {reason}"));
                None
            }
            parsed => self.parsed(&origin, &text, parsed),
        }
    }

    fn tls(&mut self) -> Option<TlsFiles> {
        let (certificate, key) = (self.get("tls-cert", path), self.get("tls-key", path));
        match (certificate, key) {
            (Some(certificate), Some(key)) => Some(TlsFiles { certificate, key }),
            (None, None) => None,
            (Some(_), None) => {
                self.mistakes.push("`tls-cert` is given without `tls-key`".to_owned());
                None
            }
            (None, Some(_)) => {
                self.mistakes.push("`tls-key` is given without `tls-cert`".to_owned());
                None
            }
        }
    }

    fn plugins(&mut self) -> Vec<Request> {
        let required = self.get("plugins-required", boolean).unwrap_or(true);
        let mut requests = Vec::new();
        for (name, kind) in [("plugins", Kind::Folder), ("plugin", Kind::File)] {
            let wanted = self.wanted(name).unwrap_or_default();
            requests.extend(wanted.into_iter().map(|wanted| wanted.request(kind, required)));
        }
        requests
    }

    fn wanted(&mut self, name: &str) -> Option<Vec<Wanted>> {
        if let Some(Found { origin, text }) = self.find_outside(name) {
            return self.parsed(&origin, &text, wanted::in_text(text.trim()));
        }
        let (path, table) = self.sources.file.as_ref()?;
        let (origin, value) = (format!("`{name}` in `{}`", path.display()), table.get(name)?);
        self.parsed(&origin, &value.to_string(), wanted::in_toml(value))
    }

    fn parsed<T>(&mut self, origin: &str, text: &str, parsed: Result<T, String>) -> Option<T> {
        parsed.map_err(|why| self.mistakes.push(format!("{origin} is `{text}`: {why}"))).ok()
    }

    fn contexts(&mut self) -> Vec<StoreSetting> {
        let Some((path, table)) = &self.sources.file else { return Vec::new() };
        let origin = format!("`context-storage` in `{}`", path.display());
        contexts::read(table.get("context-storage"), &origin).unwrap_or_else(|mistakes| {
            self.mistakes.extend(mistakes);
            Vec::new()
        })
    }

    fn http_nodes(&mut self) -> HttpNodes {
        let folder = self.get("http-static", http_nodes::folder);
        let below = self.get("http-static-root", root).unwrap_or_default();
        HttpNodes {
            max_length: self.get("http-node-max-length", bytes).unwrap_or(32 << 20),
            max_open: self.get("http-node-max-open", count).unwrap_or(4096),
            timeout: self.get("http-node-timeout", duration).unwrap_or(Duration::from_secs(300)),
            cors: self.table("http-node-cors", http_nodes::cors),
            user: self.table("http-node-auth", http_nodes::user),
            files: folder.map(|folder| (folder, below)),
        }
    }

    fn table<T>(
        &mut self,
        name: &str,
        parse: fn(&toml::Value, &str) -> Result<T, String>,
    ) -> Option<T> {
        let (path, table) = self.sources.file.as_ref()?;
        let origin = format!("`{name}` in `{}`", path.display());
        let parsed = parse(table.get(name)?, &origin);
        parsed.map_err(|mistake| self.mistakes.push(mistake)).ok()
    }

    fn admin_auth(&mut self) -> Option<AuthConfig> {
        let token = self.get("admin-token", access::token);
        let file = self.sources.file.as_ref();
        let table = file.and_then(|(_, table)| table.get("admin-auth"));
        let origin = file.map(|(path, _)| format!("`admin-auth` in `{}`", path.display()));
        match access::read(table, &origin.unwrap_or_default(), token) {
            Ok(config) => config,
            Err(mistakes) => {
                self.mistakes.extend(mistakes);
                None
            }
        }
    }

    fn refuse_public_editor(&mut self, settings: &Settings) {
        let is_allowed = self.get("allow-public-editor", boolean).unwrap_or(false);
        // A mistake in `admin-auth` is reported already.
        if settings.http_admin_root.is_none() || !self.mistakes.is_empty() {
            return;
        }
        let auth = settings.admin_auth.as_ref();
        self.mistakes.extend(access::public_editor(settings.listen, auth, is_allowed));
    }

    fn refuse_unknown_keys(&mut self) {
        let Some((path, table)) = &self.sources.file else { return };
        for key in table.keys().filter(|key| !is_setting(key)) {
            self.mistakes.push(format!(
                "`{key}` in `{}` is no setting; there are {}",
                path.display(),
                NAMES.join(", ")
            ));
        }
    }
}

fn is_setting(key: &str) -> bool {
    NAMES.contains(&key) || SECRETS.contains(&key) || TABLES.contains(&key)
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| "an address such as `127.0.0.1:1880` was expected".to_owned())
}

fn path(text: &str) -> Result<PathBuf, String> {
    if text.is_empty() { Err("a path was expected".to_owned()) } else { Ok(text.into()) }
}

fn root(text: &str) -> Result<String, String> {
    let trimmed = text.trim_matches('/');
    match trimmed {
        "" => Ok(String::new()),
        _ if text.starts_with('/') => Ok(format!("/{trimmed}")),
        _ => Err("a path that begins with `/` was expected".to_owned()),
    }
}

fn admin_root(text: &str) -> Result<Option<String>, String> {
    match text {
        "off" => Ok(None),
        _ => root(text)
            .map(Some)
            .map_err(|_| "a path that begins with `/` was expected, or `off`".to_owned()),
    }
}

fn boolean(text: &str) -> Result<bool, String> {
    text.parse().map_err(|_| "`true` or `false` was expected".to_owned())
}

/// Names separated by commas or spaces.
fn hosts(text: &str) -> Result<Vec<String>, String> {
    let names = text.split([',', ' ']).filter(|name| !name.is_empty());
    let is_name = |name: &str| {
        name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_'))
    };
    match names.clone().find(|name| !is_name(name)) {
        None => Ok(names.map(str::to_owned).collect()),
        Some(_) => Err("names such as `flows.example.org`, without a port, were expected".into()),
    }
}

/// As in Node-RED, `false` switches the encryption off.
fn secret(text: &str) -> Result<CredentialSecret, String> {
    match text {
        "" => Err("a secret was expected, or `false` for no encryption".to_owned()),
        "false" => Ok(CredentialSecret::Off),
        _ => Ok(CredentialSecret::Given(text.to_owned())),
    }
}

fn filter(text: &str) -> Result<String, String> {
    match tracing_subscriber::EnvFilter::from_str(text) {
        Ok(_) => Ok(text.to_owned()),
        Err(error) => {
            Err(format!("a filter such as `info` or `ferrowire=debug` was expected: {error}"))
        }
    }
}

fn log_format(text: &str) -> Result<LogFormat, String> {
    match text {
        "human" => Ok(LogFormat::Human),
        "json" => Ok(LogFormat::Json),
        _ => Err("`human` or `json` was expected".to_owned()),
    }
}

fn slow_client(text: &str) -> Result<SlowPeer, String> {
    SlowPeer::from_name(text).ok_or("`disconnect`, `drop` or `wait` was expected".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(
        flags: &[(&str, &str)],
        env: &[(&str, &str)],
        file: &str,
    ) -> Result<Settings, Vec<String>> {
        let look = |list: &[(&str, &str)], name: &str| {
            list.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        };
        Settings::read(&Sources {
            flag: &|name| look(flags, name),
            env: &|name| look(env, name),
            file: Some(("f.toml".into(), file.parse().unwrap())),
        })
    }

    #[test]
    fn flags_come_before_the_environment_before_the_file() {
        let file = "listen = '127.0.0.1:1'\nworkers = 3\nmax-queue = '1 MiB'";
        let env = [("FERROWIRE_LISTEN", "127.0.0.1:2"), ("FERROWIRE_WORKERS", "4")];
        let settings = read(&[("listen", "127.0.0.1:3")], &env, file).unwrap();
        assert_eq!(settings.listen.port(), 3);
        assert_eq!(settings.workers, Some(4));
        assert_eq!(settings.limits.max_queue, 1 << 20);
    }

    #[test]
    fn every_mistake_of_every_source_is_reported_at_once() {
        let mistakes = read(
            &[("listen", "nowhere"), ("slow-client", "kick")],
            &[("FERROWIRE_LOG_FORMAT", "xml"), ("FERROWIRE_TLS_CERT", "c.pem")],
            "colour = 1\nworkers = 0\nmax-message = '1 parsec'\nhandshake-timeout = -1\nlog = '=='",
        )
        .unwrap_err();
        let all = mistakes.join("\n");
        for part in [
            "`--listen` is `nowhere`",
            "`--slow-client` is `kick`",
            "`FERROWIRE_LOG_FORMAT` is `xml`",
            "`tls-cert` is given without `tls-key`",
            "`colour` in `f.toml` is no setting",
            "`workers` in `f.toml` is `0`",
            "`max-message` in `f.toml` is `1 parsec`",
            "`handshake-timeout` in `f.toml` is `-1`",
            "`log` in `f.toml` is `==`",
        ] {
            assert!(all.contains(part), "{part} is missing in:\n{all}");
        }
        assert_eq!(mistakes.len(), 9);
    }
}
