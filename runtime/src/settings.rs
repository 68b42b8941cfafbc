//! The settings of the runtime: flags before `-D` before environment before file, every mistake
//! reported at once. [`table`] declares them; plugins add theirs.

mod advice;
mod checks;
pub(crate) mod defines;
pub(crate) mod examples;
pub(crate) mod flags;
pub(crate) mod given;
pub(crate) mod list;
mod markdown;
pub(crate) mod settings_js;
pub(crate) mod sources;
pub(crate) mod table;
pub(crate) mod wanted;

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use ferrowire_admin::{AuthConfig, CredentialSecret};
use ferrowire_core::{
    Map, Setting, SettingKind, SettingRecord, SettingRegistry, SettingType, SettingValue,
    SettingValues,
};
use ferrowire_http::{Clients, Cors, Passphrase, TlsFiles, TrustedProxies};

use crate::access;
use crate::cluster;
use crate::contexts::{self, StoreSetting};
use crate::global_values;
use crate::http_nodes::{self, User};
use crate::machine;
use crate::traces;
use advice::advice;
use sources::{Raw, Sources, is_on};

/// The port, unless `port` or `listen` says another one.
const DEFAULT_PORT: u16 = 1880;

/// The filter of log lines with `verbose`.
const VERBOSE: &str = "debug";

/// Node-RED's variable that turns projects on.
const PROJECTS: &str = "NODE_RED_ENABLE_PROJECTS";

/// The settings of the runtime and of its plugins. What needs no more than the check of its kind is
/// read with [`get`](Self::get); the fields are what was checked or combined further.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    values: SettingValues,
    /// Whether there is a settings file.
    pub(crate) has_file: bool,
    /// The values that nodes may read.
    pub(crate) for_nodes: SettingValues,
    pub(crate) listen: SocketAddr,
    pub(crate) trusted_proxies: TrustedProxies,
    /// TLS for the port.
    pub(crate) tls: Option<TlsFiles>,
    /// Without a slash at its end.
    pub(crate) http_node_root: String,
    pub(crate) http_node_auth: Option<User>,
    pub(crate) http_node_cors: Option<Cors>,
    /// A directory that exists, and the path that its files are below.
    pub(crate) http_static: Option<(PathBuf, String)>,
    /// `None` if neither editor nor API is served.
    pub(crate) http_admin_root: Option<String>,
    /// Who may use the editor and its API; everybody if `None`.
    pub(crate) admin_auth: Option<AuthConfig>,
    pub(crate) editor_hosts: Vec<String>,
    pub(crate) credential_secret: CredentialSecret,
    /// The address of its own that metrics are served at.
    pub(crate) metrics: Option<SocketAddr>,
    /// A filter of log lines.
    pub(crate) log: String,
    /// Where context is kept, the default store first.
    pub(crate) contexts: Vec<StoreSetting>,
    pub(crate) global_values: Map,
    /// Where traces go, if they are recorded.
    pub(crate) traces: Option<traces::Options>,
}

/// All settings of this program: the runtime's own, then those of linked plugins.
///
/// # Errors
/// When a plugin declares a setting that is there already, or has the name of another flag.
pub(crate) fn registry() -> anyhow::Result<SettingRegistry> {
    let mut registry = SettingRegistry::reserving(flags::TAKEN);
    registry.add_all(table::ALL)?;
    registry.add_linked()?;
    Ok(registry)
}

impl Settings {
    /// Reads all settings.
    ///
    /// # Errors
    /// Every mistake in every source: what is wrong where, and what was expected.
    pub(crate) fn read(
        registry: &SettingRegistry,
        sources: &Sources<'_>,
    ) -> Result<Self, Vec<String>> {
        let mut reader = Reader { sources, values: SettingValues::default(), mistakes: Vec::new() };
        reader.refuse_unknown_keys(registry);
        reader.mistakes.extend(sources.defines.mistakes(registry));
        reader.refuse_projects();
        reader.mistakes.extend(wanted::requests(sources).1);
        registry.iter().for_each(|record| reader.read(record));
        reader.default_to(&table::MAX_QUEUE_TOTAL, || Some(machine::memory()? / 4));
        reader.default_to(&table::MAX_CONNECTIONS, || Some(machine::open_files()? / 4 * 3));
        let listen = reader.listen();
        let folder = reader.checked(&table::HTTP_STATIC, checks::directory).flatten();
        let below = reader.checked(&table::HTTP_STATIC_ROOT, checks::root).unwrap_or_default();
        let admin_root = reader.checked(&table::HTTP_ADMIN_ROOT, checks::admin_root).flatten();
        let secret = reader.checked(&table::CREDENTIAL_SECRET, checks::credential_secret);
        let mut settings = Settings {
            has_file: sources.file.is_some(),
            listen,
            trusted_proxies: reader
                .checked(&table::TRUSTED_PROXIES, checks::proxies)
                .unwrap_or_default(),
            tls: reader.tls(),
            http_node_root: reader
                .checked(&table::HTTP_NODE_ROOT, checks::root)
                .unwrap_or_default(),
            http_node_auth: reader.table(&table::HTTP_NODE_AUTH, http_nodes::user),
            http_node_cors: reader.table(&table::HTTP_NODE_CORS, http_nodes::cors),
            http_static: folder.map(|folder| (folder, below)),
            http_admin_root: admin_root,
            admin_auth: reader.admin_auth(),
            editor_hosts: reader.checked(&table::EDITOR_HOSTS, checks::hosts).unwrap_or_default(),
            credential_secret: secret.unwrap_or(CredentialSecret::Generated),
            metrics: reader.checked(&table::METRICS, checks::metrics).flatten(),
            log: reader.log(),
            contexts: reader.contexts(),
            global_values: reader.global_values(),
            traces: reader.traces(),
            for_nodes: for_nodes(registry, &reader.values),
            values: SettingValues::default(),
        };
        reader.check_cluster();
        reader.refuse_public_editor(&settings);
        settings.values = reader.values;
        if reader.mistakes.is_empty() { Ok(settings) } else { Err(reader.mistakes) }
    }

    /// The value of a setting.
    pub(crate) fn get<T: SettingType>(&self, setting: &Setting<T>) -> T {
        self.values.get(setting)
    }
}

/// The values that nodes may read: those of plugins, and of the runtime what is no secret.
fn for_nodes(registry: &SettingRegistry, values: &SettingValues) -> SettingValues {
    let own = env!("CARGO_PKG_NAME");
    let mut for_nodes = SettingValues::default();
    for record in registry.iter().filter(|it| it.plugin != own || !it.is_secret) {
        if let Some(value) = values.find(record.name) {
            for_nodes.set(record, value);
        }
    }
    for_nodes
}

struct Reader<'a> {
    sources: &'a Sources<'a>,
    values: SettingValues,
    mistakes: Vec<String>,
}

impl Reader<'_> {
    /// Keeps the value of a setting. Tables, and paths of libraries, have their own readers.
    fn read(&mut self, record: &SettingRecord) {
        let has_reader = [table::PLUGINS.record().name, table::PLUGIN.record().name];
        if record.kind == SettingKind::Table || has_reader.contains(&record.name) {
            return;
        }
        let Some(found) = self.sources.find(record) else { return };
        match found.parse(record) {
            Ok(value) => self.values.set(record, value),
            Err(reason) => self.mistakes.push(found.mistake(record, &reason)),
        }
    }

    /// Sets a setting without a value to what fits the machine, if the machine tells it.
    fn default_to(&mut self, setting: &Setting<Option<usize>>, fit: fn() -> Option<usize>) {
        if self.values.get(setting).is_none()
            && let Some(value) = fit()
        {
            self.values.set(setting.record(), SettingValue::Number(value.max(1) as u64));
        }
    }

    /// The value of a setting, after a further check.
    fn checked<T: SettingType, U>(
        &mut self,
        setting: &Setting<T>,
        check: fn(T) -> Result<U, String>,
    ) -> Option<U> {
        let record = setting.record();
        let reason = match check(self.values.get(setting)) {
            Ok(value) => return Some(value),
            Err(reason) => reason,
        };
        let found = self.sources.find(record);
        let mistake = found.map(|found| found.mistake(record, &reason));
        self.mistakes.push(mistake.unwrap_or_else(|| format!("`{}`: {reason}", record.name)));
        None
    }

    /// The content of a table of the settings file, if it is there, and how messages name it.
    fn toml(&self, setting: &Setting<()>) -> Option<(toml::Value, String)> {
        let found = self.sources.find(setting.record())?;
        match found.raw {
            Raw::Toml(value) => Some((value, found.place)),
            Raw::Text(_) => None,
        }
    }

    fn table<T>(
        &mut self,
        setting: &Setting<()>,
        parse: fn(&toml::Value, &str) -> Result<T, String>,
    ) -> Option<T> {
        let (value, place) = self.toml(setting)?;
        parse(&value, &place).map_err(|mistake| self.mistakes.push(mistake)).ok()
    }

    /// Whether a setting is given by an earlier source than another one.
    fn overrides<T, U>(&self, one: &Setting<T>, other: &Setting<U>) -> bool {
        let origin = |record| self.sources.find(record).map(|found| found.origin);
        match (origin(one.record()), origin(other.record())) {
            (Some(one), Some(other)) => one < other,
            (one, _) => one.is_some(),
        }
    }

    fn listen(&mut self) -> SocketAddr {
        let listen = self.checked(&table::LISTEN, checks::address);
        let (address, port) = listen.unwrap_or((IpAddr::from([127, 0, 0, 1]), None));
        let port = port.filter(|_| self.overrides(&table::LISTEN, &table::PORT));
        let given = self.values.get(&table::PORT).and_then(|port| u16::try_from(port).ok());
        SocketAddr::new(address, port.or(given).unwrap_or(DEFAULT_PORT))
    }

    fn log(&mut self) -> String {
        let log = self.checked(&table::LOG, checks::filter).unwrap_or_default();
        match self.values.get(&table::VERBOSE) && self.overrides(&table::VERBOSE, &table::LOG) {
            true => VERBOSE.to_owned(),
            false => log,
        }
    }

    fn refuse_projects(&mut self) {
        let value = self.sources.foreign_variable(PROJECTS);
        if value.is_some_and(|value| is_on(&value)) {
            self.mistakes.push(format!(
                "`{PROJECTS}`: projects are not supported; unset it, and name the flow file of the \
                 project, such as `projects/NAME/flows.json`"
            ));
        }
    }

    fn tls(&mut self) -> Option<TlsFiles> {
        let certificate = self.values.get(&table::TLS_CERT);
        match (certificate, self.values.get(&table::TLS_KEY)) {
            (Some(certificate), Some(key)) => Some(self.tls_files(certificate, key)),
            (None, None) => {
                if self.values.get(&table::TLS_CLIENT_CA).is_some() {
                    self.mistakes.push("`tls-client-ca` is given without `tls-cert`".to_owned());
                }
                None
            }
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

    fn tls_files(&self, certificate: PathBuf, key: PathBuf) -> TlsFiles {
        let required = self.values.get(&table::TLS_CLIENT_CERT) == "required";
        let clients = self.values.get(&table::TLS_CLIENT_CA);
        let passphrase = self.values.get(&table::TLS_PASSPHRASE);
        TlsFiles {
            certificate,
            key,
            passphrase: passphrase.map(|secret| Passphrase(secret.expose().to_owned())),
            clients: clients.map(|authorities| Clients { authorities, required }),
        }
    }

    fn contexts(&mut self) -> Vec<StoreSetting> {
        let Some((value, place)) = self.toml(&table::CONTEXT_STORAGE) else { return Vec::new() };
        contexts::read(Some(&value), &place).unwrap_or_else(|mistakes| {
            self.mistakes.extend(mistakes);
            Vec::new()
        })
    }

    fn global_values(&mut self) -> Map {
        let found = self.toml(&table::FUNCTION_GLOBAL_CONTEXT);
        let Some((value, place)) = found else { return Map::new() };
        global_values::read(&value, &place).unwrap_or_else(|mistakes| {
            self.mistakes.extend(mistakes);
            Map::new()
        })
    }

    fn admin_auth(&mut self) -> Option<AuthConfig> {
        let token = self.checked(&table::ADMIN_TOKEN, access::token).flatten();
        let found = self.toml(&table::ADMIN_AUTH);
        let (value, place) =
            found.map_or((None, String::new()), |(value, place)| (Some(value), place));
        access::read(value.as_ref(), &place, token).unwrap_or_else(|mistakes| {
            self.mistakes.extend(mistakes);
            None
        })
    }

    fn traces(&mut self) -> Option<traces::Options> {
        let options = traces::OptionsOf {
            endpoint: self.checked(&table::OTLP_ENDPOINT, traces::endpoint).flatten(),
            headers: self.checked(&table::OTLP_HEADERS, traces::headers),
            sample: self.checked(&table::TRACE_SAMPLE, traces::sample),
            carriers: self.checked(&table::TRACE_CONTEXT, traces::carriers),
            service: self.values.get(&table::SERVICE_NAME),
        };
        options.options()
    }

    fn check_cluster(&mut self) {
        self.checked(&table::CLUSTER, cluster::available);
        self.checked(&table::CLUSTER_NAME, checks::name);
        self.checked(&table::INSTANCE_NAME, |name| name.map(checks::name).transpose());
        self.checked(&table::CLUSTER_PREFIX, checks::subject);
        let values = &self.values;
        let mut pair = |one: (&str, bool), other: (&str, bool)| {
            if one.1 != other.1 {
                let (given, missing) = if one.1 { (one.0, other.0) } else { (other.0, one.0) };
                self.mistakes.push(format!("`{given}` is given without `{missing}`"));
            }
        };
        let has_password = values.get(&table::CLUSTER_PASSWORD).is_some();
        pair(
            ("cluster-user", values.get(&table::CLUSTER_USER).is_some()),
            ("cluster-password", has_password),
        );
        pair(
            ("cluster-tls-cert", values.get(&table::CLUSTER_TLS_CERT).is_some()),
            ("cluster-tls-key", values.get(&table::CLUSTER_TLS_KEY).is_some()),
        );
    }

    fn refuse_public_editor(&mut self, settings: &Settings) {
        // A mistake in `admin-auth` is reported already.
        if settings.http_admin_root.is_none() || !self.mistakes.is_empty() {
            return;
        }
        let is_allowed = self.values.get(&table::ALLOW_PUBLIC_EDITOR);
        let auth = settings.admin_auth.as_ref();
        self.mistakes.extend(access::public_editor(settings.listen, auth, is_allowed));
    }

    fn refuse_unknown_keys(&mut self, registry: &SettingRegistry) {
        let Some((path, table)) = self.sources.file else { return };
        for key in table.keys().filter(|key| registry.get(key).is_none()) {
            let (path, advice) = (path.display(), advice(key, registry));
            self.mistakes.push(format!("`{key}` in `{path}` is not a setting; {advice}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::defines::Defines;
    use super::*;

    fn read(
        flags: &[(&str, &str)],
        env: &[(&str, &str)],
        file: &str,
    ) -> Result<Settings, Vec<String>> {
        let look = |list: &[(&str, &str)], name: &str| {
            list.iter().find(|(n, _)| *n == name).map(|(_, value)| (*value).to_owned())
        };
        let sources = Sources {
            flag: &|record| look(flags, record.name),
            defines: &Defines::default(),
            env: &|name| look(env, name),
            file: Some(&("f.toml".into(), file.parse().unwrap())),
        };
        Settings::read(&registry().unwrap(), &sources)
    }

    #[test]
    fn flags_come_before_the_environment_before_the_file() {
        let file = "listen = '127.0.0.1:1'\nworkers = 3\napi-max-length = '1 MiB'";
        let env = [("FERROWIRE_LISTEN", "127.0.0.1:2"), ("FERROWIRE_WORKERS", "4")];
        let settings = read(&[("listen", "127.0.0.1:3")], &env, file).unwrap();
        assert_eq!(settings.listen.port(), 3);
        assert_eq!(settings.get(&table::WORKERS), Some(4));
        assert_eq!(settings.get(&table::API_MAX_LENGTH), 1 << 20);
    }

    #[test]
    fn the_address_may_have_a_host_name() {
        let settings = read(&[("listen", "localhost:3")], &[], "").unwrap();
        assert!(settings.listen.ip().is_loopback());
        assert_eq!(settings.listen.port(), 3);
        for wrong in ["localhost", ":1", "localhost:http", "a b:1", "http://localhost:1", "[::1:1"]
        {
            let mistakes = read(&[("listen", wrong)], &[], "").unwrap_err();
            assert!(mistakes[0].contains("expected an address such as"), "{wrong}: {mistakes:?}");
        }
    }

    #[test]
    fn limits_are_a_share_of_what_the_machine_has_unless_they_are_set() {
        let default = read(&[], &[], "").unwrap();
        let share = default.get(&table::MAX_QUEUE_TOTAL).unwrap();
        assert_eq!(share, machine::memory().unwrap() / 4);
        assert_eq!(default.for_nodes.get(&table::MAX_QUEUE_TOTAL), Some(share));
        let files = default.get(&table::MAX_CONNECTIONS).unwrap();
        assert_eq!(files, machine::open_files().unwrap() / 4 * 3);
        let set = read(&[("max-queue-total", "8 MiB")], &[], "").unwrap();
        assert_eq!(set.for_nodes.get(&table::MAX_QUEUE_TOTAL), Some(8 << 20));
    }

    #[test]
    fn every_mistake_of_every_source_is_reported_at_once() {
        let mistakes = read(
            &[("listen", "nowhere"), ("plugins-required", "maybe")],
            &[("FERROWIRE_LOG_FORMAT", "xml"), ("FERROWIRE_TLS_CERT", "c.pem")],
            "colour = 1\nworkers = 0\napi-max-length = '1 parsec'\nhandshake-timeout = -1\nlog = '=='",
        )
        .unwrap_err();
        let all = mistakes.join("\n");
        for part in [
            "`--listen` is `nowhere`: expected an address",
            "`--plugins-required` is `maybe`: expected `true` or `false`",
            "`FERROWIRE_LOG_FORMAT` is `xml`",
            "`tls-cert` is given without `tls-key`",
            "`colour` in `f.toml` is not a setting; `ferrowire settings` lists all",
            "`workers` in `f.toml` is `0`: expected a whole number from 1 to 1024",
            "`api-max-length` in `f.toml` is `1 parsec`",
            "`handshake-timeout` in `f.toml` is `-1`",
            "`log` in `f.toml` is `==`",
        ] {
            assert!(all.contains(part), "{part} is missing in:\n{all}");
        }
        assert_eq!(mistakes.len(), 9);
    }

    #[test]
    fn an_unknown_key_is_answered_with_the_nearest_name() {
        for (key, name) in [
            ("api-max-lenght", "api-max-length"),
            ("adminAuth", "admin-auth"),
            ("context_storage", "context-storage"),
            ("httpNodeRoot", "http-node-root"),
            ("credential-secrets", "credential-secret"),
        ] {
            let mistakes = read(&[], &[], &format!("{key} = 1")).unwrap_err();
            let expected = format!("`{key}` in `f.toml` is not a setting; did you mean `{name}`?");
            assert_eq!(mistakes, [expected]);
        }
    }

    #[test]
    fn the_value_of_a_secret_is_not_part_of_its_mistake() {
        let env = [("FERROWIRE_ADMIN_TOKEN", "too-short")];
        let mistakes = read(&[], &env, "").unwrap_err().join("\n");
        assert!(mistakes.starts_with("`FERROWIRE_ADMIN_TOKEN`: "), "{mistakes}");
        assert!(!mistakes.contains("too-short"), "{mistakes}");
    }

    #[test]
    fn a_plugin_cannot_declare_a_setting_of_the_runtime() {
        let of_plugin = Setting::text("listen").help("x").declared_by("a-plugin", "1.0.0");
        let mut registry = registry().unwrap();
        let duplicate = registry.add(*of_plugin.record()).unwrap_err();
        assert_eq!(
            duplicate.to_string(),
            "the setting `listen` is declared by both `ferrowire-runtime` and `a-plugin`; leave one \
             of them out"
        );
    }
}
