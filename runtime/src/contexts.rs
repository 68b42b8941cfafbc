//! The setting `context-storage`: the context stores, like Node-RED's `contextStorage`.

mod shared;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use ferrowire_context::{FileStore, SharedStore};
use ferrowire_core::cluster::Cluster;
use ferrowire_core::{ContextStore, ContextStores, MemoryStore};
use serde::Deserialize;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::global_values;
use crate::settings::{Settings, table};

/// A store in the settings.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct StoreSetting {
    name: String,
    kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    Memory,
    /// In this directory, or in `context` in the user directory; written at this interval.
    Files(Option<PathBuf>, Duration),
    /// In the cluster.
    Shared,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Table {
    module: String,
    config: Option<Config>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Config {
    dir: Option<PathBuf>,
    base: Option<PathBuf>,
    cache: Option<bool>,
    flush_interval: Option<f64>,
}

/// The stores in the table, the default first. Without a table, context is kept in memory.
///
/// # Errors
/// Every error in the table; messages call it `origin`.
pub(crate) fn read(
    table: Option<&toml::Value>,
    origin: &str,
) -> Result<Vec<StoreSetting>, Vec<String>> {
    let Some(table) = table else { return Ok(Vec::new()) };
    let Some(table) = table.as_table() else {
        return Err(vec![format!("{origin}: expected a table of stores")]);
    };
    let (mut stores, mut mistakes) = (Vec::new(), Vec::new());
    for (name, value) in table.iter().filter(|(name, value)| *name != "default" || value.is_table())
    {
        match store(name, value) {
            Ok(store) => stores.push(store),
            Err(why) => mistakes.push(format!("store `{name}` of {origin}: {why}")),
        }
    }
    let default = match table.get("default") {
        Some(toml::Value::String(name)) => Some(name.as_str()),
        Some(toml::Value::Table(_)) => Some("default"),
        Some(_) => {
            mistakes
                .push(format!("`default` of {origin}: expected the name of a store, or a table"));
            None
        }
        None if table.len() > 1 => {
            mistakes.push(format!("{origin} has several stores; set one of them as `default`"));
            None
        }
        None => None,
    };
    if let Some(default) = default {
        match table.get(default).is_some_and(toml::Value::is_table) {
            true => stores.sort_by_key(|store| store.name != default),
            false => mistakes.push(format!("`default` of {origin}: there is no store `{default}`")),
        }
    }
    if mistakes.is_empty() { Ok(stores) } else { Err(mistakes) }
}

fn store(name: &str, value: &toml::Value) -> Result<StoreSetting, String> {
    if name.is_empty() || !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        return Err("expected a name of letters, digits and `_`".to_owned());
    }
    let Table { module, config } =
        Table::deserialize(value.clone()).map_err(|error| error.message().to_owned())?;
    let kind = match (module.as_str(), shared::unavailable()) {
        ("memory", _) => Kind::Memory,
        ("localfilesystem", _) => files(config.unwrap_or_default())?,
        ("nats", _) if config.is_some() => {
            return Err("the module `nats` has no `config`".to_owned());
        }
        ("nats", Some(why)) => return Err(why.to_owned()),
        ("nats", None) => Kind::Shared,
        (other, _) => {
            return Err(format!(
                "unknown module `{other}`; expected `memory`, `localfilesystem` or `nats`"
            ));
        }
    };
    Ok(StoreSetting { name: name.to_owned(), kind })
}

fn files(config: Config) -> Result<Kind, String> {
    if config.cache == Some(false) {
        return Err("`cache = false` is not supported, since values are always cached in memory; \
                    remove it"
            .to_owned());
    }
    let interval = config.flush_interval.unwrap_or(30.0);
    if !(0.0..=86_400.0).contains(&interval) {
        return Err(format!(
            "`flushInterval` is {interval}: expected a number of seconds from 0 to 86400"
        ));
    }
    let base = config.base.unwrap_or_else(|| "context".into());
    let folder = match config.dir {
        Some(dir) => Some(dir.join(base)),
        None if base.is_absolute() => Some(base),
        None if base == Path::new("context") => None,
        None => return Err("`base` needs a `dir`".to_owned()),
    };
    Ok(Kind::Files(folder, Duration::from_secs_f64(interval)))
}

/// The open stores.
struct Opened {
    stores: Arc<ContextStores>,
    /// The stores that write to files at intervals.
    files: Vec<Arc<FileStore>>,
    /// The stores that follow the cluster.
    shared: Vec<Arc<SharedStore>>,
}

/// Writes stores to their files at intervals, or to the cluster, until dropped.
pub(crate) struct Writing {
    end: CancellationToken,
    tasks: JoinSet<()>,
}

impl Writing {
    /// Begins to write, waits until shared stores have read what is there, and sets the values that the
    /// global context begins with.
    ///
    /// # Errors
    /// If one cannot be read, and NATS is required.
    async fn begin(opened: &Opened, settings: &Settings) -> anyhow::Result<Self> {
        let (end, mut tasks) = (CancellationToken::new(), JoinSet::new());
        for file in &opened.files {
            tasks.spawn(Arc::clone(file).write_behind(end.clone()));
        }
        for store in &opened.shared {
            tasks.spawn(Arc::clone(store).run(end.clone()));
        }
        shared::first(&opened.shared, settings).await?;
        global_values::set(&settings.global_values, &opened.stores);
        Ok(Writing { end, tasks })
    }

    /// Writes what has not been written yet.
    ///
    /// # Errors
    /// If a task panicked.
    pub(crate) async fn end(mut self) -> anyhow::Result<()> {
        self.end.cancel();
        while let Some(written) = self.tasks.join_next().await {
            written.context("the context was not written completely")?;
        }
        Ok(())
    }
}

/// The directories of the stores that are kept in files.
pub(crate) fn folders(settings: &[StoreSetting], user: Option<&Path>) -> Vec<PathBuf> {
    let folder = |store: &StoreSetting| match &store.kind {
        Kind::Memory | Kind::Shared => None,
        Kind::Files(folder, _) => folder_of(folder.as_deref(), user),
    };
    settings.iter().filter_map(folder).collect()
}

/// The directory of a store; `None` if neither the store nor the user directory is set.
fn folder_of(folder: Option<&Path>, user: Option<&Path>) -> Option<PathBuf> {
    folder.map(Path::to_owned).or_else(|| Some(user?.join("context")))
}

/// Opens the stores, and begins to write.
///
/// # Errors
/// As [`open`] and [`Writing::begin`].
pub(crate) async fn begin(
    settings: &Settings,
    cluster: Option<&Arc<dyn Cluster>>,
) -> anyhow::Result<(Arc<ContextStores>, Writing)> {
    let opened = open(settings, cluster)?;
    let writing = Writing::begin(&opened, settings).await?;
    Ok((opened.stores, writing))
}

/// Opens the stores. Files are in `context` in the user directory unless a store sets another
/// directory.
///
/// # Errors
/// If a directory or a file in it cannot be read or written, or there is no cluster for a shared store.
fn open(settings: &Settings, cluster: Option<&Arc<dyn Cluster>>) -> anyhow::Result<Opened> {
    let user = settings.get(&table::USER_DIR);
    let (mut files, mut shared) = (Vec::new(), Vec::new());
    let mut stores: Option<ContextStores> = None;
    for StoreSetting { name, kind } in &settings.contexts {
        let store: Arc<dyn ContextStore> = match kind {
            Kind::Memory => Arc::new(MemoryStore::default()),
            Kind::Files(folder, interval) => {
                let folder = folder_of(folder.as_deref(), user.as_deref()).with_context(|| {
                    format!("context store `{name}` needs a `dir`, or the setting `user-dir`")
                })?;
                let store = FileStore::open(folder, *interval);
                let store = Arc::new(store.with_context(|| format!("context store `{name}`"))?);
                files.push(Arc::clone(&store));
                store
            }
            Kind::Shared => {
                let store = shared::store(name, settings, cluster)?;
                shared.push(Arc::clone(&store));
                store
            }
        };
        stores = Some(match stores {
            None => ContextStores::new(name, store),
            Some(stores) => stores.with(name, store),
        });
    }
    Ok(Opened { stores: Arc::new(stores.unwrap_or_default()), files, shared })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stores(text: &str) -> Result<Vec<String>, String> {
        let table: toml::Table = text.parse().unwrap_or_default();
        let read = read(Some(&toml::Value::Table(table)), "`context-storage`");
        read.map(|stores| stores.into_iter().map(|store| store.name).collect())
            .map_err(|mistakes| mistakes.join("\n"))
    }

    #[test]
    fn the_default_store_comes_first_by_name_or_as_a_table() {
        let two = "a = {module = 'memory'}\nb = {module = 'memory'}";
        assert_eq!(stores(&format!("default = 'b'\n{two}")), Ok(vec!["b".into(), "a".into()]));
        assert_eq!(stores("x = {module = 'localfilesystem'}"), Ok(vec!["x".into()]));
        let table = format!("default = {{module = 'memory'}}\n{two}");
        assert_eq!(stores(&table).map(|names| names[0].clone()), Ok("default".into()));
        assert!(stores(two).is_err_and(|error| error.contains("set one of them as `default`")));
    }

    #[test]
    fn every_mistake_is_named() {
        let error = stores(
            "default = 'gone'\n'a b' = {module = 'memory'}\nb = {module = 'redis'}\n\
             c = {module = 'localfilesystem', config = {cache = false}}\n\
             d = {module = 'localfilesystem', config = {flushInterval = -1}}\n\
             e = {module = 'localfilesystem', config = {colour = 1}}\nf = 5\n\
             g = {module = 'nats', config = {cache = true}}",
        );
        let error = error.err().unwrap_or_default();
        for part in [
            "there is no store `gone`",
            "store `a b` of `context-storage`: expected a name of letters",
            "unknown module `redis`",
            "`cache = false` is not supported",
            "`flushInterval` is -1",
            "`colour`",
            "store `f`",
            "store `g` of `context-storage`: the module `nats` has no `config`",
        ] {
            assert!(error.contains(part), "{part} is missing in:\n{error}");
        }
        assert_eq!(error.lines().count(), 8, "{error}");
    }
}
