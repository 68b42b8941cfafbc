//! What names files and folders: `https`, `httpStatic` and `contextStorage`.

use super::Converter;
use crate::migrate::found::Found;

const TLS: &str = "https";
const STATIC: &str = "httpStatic";
const CONTEXT: &str = "contextStorage";

impl Converter<'_> {
    /// The files are those that the settings have read.
    pub(super) fn https(&mut self, value: &Found) {
        let (key, certificate) = (self.file(value, "key"), self.file(value, "cert"));
        match (key, certificate) {
            (Ok(key), Ok(certificate)) => {
                self.take(TLS, [("tls-cert", certificate.into()), ("tls-key", key.into())]);
            }
            (key, certificate) => {
                for reason in [key.err(), certificate.err()].into_iter().flatten() {
                    self.left(TLS, &reason);
                }
            }
        }
        if !self.converted.table.contains_key("tls-key") {
            return self.unprotected.push(TLS.to_owned());
        }
        for (name, option) in value.members().unwrap_or_default() {
            let key = format!("{TLS}.{name}");
            match (name.as_str(), option.text()) {
                ("key" | "cert", _) => {}
                // Part of the authorities.
                ("rejectUnauthorized" | "requestCert", _) => {}
                ("passphrase", Some(text)) => self.take(&key, [("tls-passphrase", text.into())]),
                ("ca", _) if value.get("requestCert").and_then(Found::bool) == Some(true) => {
                    self.client_certificates(value);
                }
                ("ca", _) => self.needless(&key, "clients are not asked for certificates"),
                _ if *option == Found::Null => {}
                _ => self.left(&key, "this option of TLS has no setting"),
            }
        }
        let asks = value.get("requestCert").and_then(Found::bool) == Some(true);
        if asks && !self.converted.table.contains_key("tls-client-ca") {
            self.left(
                &format!("{TLS}.requestCert"),
                "set `tls-client-ca` to the certificates of the authorities",
            );
            self.unprotected.push(format!("{TLS}.requestCert"));
        }
    }

    fn client_certificates(&mut self, value: &Found) {
        let key = format!("{TLS}.ca");
        let is_optional = value.get("rejectUnauthorized").and_then(Found::bool) == Some(false);
        let required = if is_optional { "optional" } else { "required" };
        match self.file(value, "ca") {
            Ok(file) => {
                // Both need a certificate of the port.
                let mut settings = self.converted.table.clone();
                settings.retain(|name, _| name.starts_with("tls-"));
                settings.insert("tls-client-ca".to_owned(), file.into());
                settings.insert("tls-client-cert".to_owned(), required.into());
                self.take_all(&key, settings);
            }
            Err(reason) => self.left(&key, &reason),
        }
    }

    fn take_all(&mut self, key: &str, settings: toml::Table) {
        match self.check(&settings) {
            Ok(()) => {
                self.converted.table.extend(settings);
                self.add(
                    key,
                    super::Fate::Taken(vec![
                        "tls-client-ca".to_owned(),
                        "tls-client-cert".to_owned(),
                    ]),
                );
            }
            Err(reason) => self.left(key, &reason),
        }
    }

    /// The path of the file whose content an option has.
    fn file(&self, options: &Found, name: &str) -> Result<String, String> {
        let option = match options.get(name) {
            Some(Found::List(items)) if items.len() == 1 => items.first(),
            option => option,
        };
        let Some(option) = option else { return Err(format!("`{name}` is missing")) };
        let text = option.text().ok_or_else(|| {
            format!("`{name}` is {}; expected the content of one file", option.describe())
        })?;
        let found = self.source.files.iter().find(|(_, content)| content == text);
        let path = found.and_then(|(path, _)| path.to_str());
        path.map(str::to_owned).ok_or_else(|| {
            format!(
                "`{name}` is not the content of a file; write it into one, and set `tls-{name}`"
            )
        })
    }

    /// The first folder; others are left.
    pub(super) fn http_static(&mut self, value: &Found) {
        if self.source.settings.get("httpStaticAuth").is_some() {
            return self.left(STATIC, "the files would have no login, see `httpStaticAuth`");
        }
        let entries = match value {
            Found::List(items) => items.as_slice(),
            one => std::slice::from_ref(one),
        };
        for (index, entry) in entries.iter().enumerate() {
            let key =
                if entries.len() == 1 { STATIC.to_owned() } else { format!("{STATIC}[{index}]") };
            let path = entry.text().or_else(|| entry.get("path")?.text());
            match path {
                Some(path) if !self.converted.table.contains_key("http-static") => {
                    let root = entry.get("root").and_then(Found::text);
                    self.folder(&key, path, root);
                }
                Some(_) => self.left(&key, "one folder is served; a link in it, with `http-static-follow-links`, leads to others"),
                None => self.left(&key, &format!("expected a path, found {}", entry.describe())),
            }
        }
    }

    /// Whether a folder has a root of its own.
    pub(super) fn has_static_root(&self) -> bool {
        let folders = match self.source.settings.get(STATIC) {
            Some(Found::List(items)) => items.as_slice(),
            one => one.map_or(&[][..], std::slice::from_ref),
        };
        folders.iter().any(|folder| folder.get("root").is_some())
    }

    fn folder(&mut self, key: &str, path: &str, root: Option<&str>) {
        let path = self.in_folder(path);
        let Some(root) = root else { return self.take(key, [("http-static", path.into())]) };
        let outer = self.source.settings.get("httpStaticRoot").and_then(Found::text);
        let root = format!(
            "{}/{}",
            outer.unwrap_or_default().trim_end_matches('/'),
            root.trim_start_matches('/')
        );
        self.take(key, [("http-static", path.into()), ("http-static-root", root.into())]);
    }

    pub(super) fn context_storage(&mut self, value: &Found) {
        let mut table = toml::Table::new();
        for (name, store) in value.members().unwrap_or_default() {
            let key = format!("{CONTEXT}.{name}");
            match store {
                Found::Text(default) if name == "default" => {
                    table.insert(name.clone(), default.as_str().into());
                }
                store => match self.store(name, store) {
                    Ok(store) => drop(table.insert(name.clone(), store)),
                    Err(reason) => self.left(&key, &reason),
                },
            }
        }
        if !table.is_empty() {
            self.take(CONTEXT, [("context-storage", table.into())]);
        }
    }

    /// A store, if the setting takes it alone.
    fn store(&mut self, name: &str, store: &Found) -> Result<toml::Value, String> {
        let module = store.get("module").ok_or("expected a `module`")?;
        let module = module.text().ok_or_else(|| {
            format!("its module is {}; expected `memory` or `localfilesystem`", module.describe())
        })?;
        let mut written = toml::Table::new();
        written.insert("module".to_owned(), module.into());
        if let Some(config) = store.get("config") {
            let mut config = config.to_toml()?;
            if let Some(config) = config.as_table_mut() {
                self.simplify(name, module, config);
            }
            written.insert("config".to_owned(), config);
        }
        let store = toml::Value::Table(written);
        let mut alone = toml::Table::new();
        alone.insert(name.to_owned(), store.clone());
        let mut settings = toml::Table::new();
        settings.insert("context-storage".to_owned(), alone.into());
        self.check(&settings).map(|()| store)
    }

    fn simplify(&mut self, name: &str, module: &str, config: &mut toml::Table) {
        if config.remove("cache").is_some_and(|cache| cache.as_bool() == Some(false)) {
            self.needless(
                &format!("{CONTEXT}.{name}.config.cache"),
                "values are always in memory as well",
            );
        }
        if module == "memory" {
            config.clear();
        }
        if let Some(toml::Value::String(dir)) = config.get_mut("dir") {
            *dir = self.in_folder(dir);
        }
    }
}
