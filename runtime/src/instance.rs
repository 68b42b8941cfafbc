//! One instance for each user directory: locks on what this instance writes.

use std::path::{Path, PathBuf};

use anyhow::bail;
use ferrowire_files::{Lock, NotLocked};
use tracing::{debug, warn};

use crate::contexts;
use crate::flows::Places;
use crate::settings::{Settings, table};

/// The name of lock files in directories that belong to one instance.
const NAME: &str = ".ferrowire.lock";

/// The locks of this instance, which are released on drop.
#[derive(Debug)]
#[must_use = "another instance can start as soon as this is dropped"]
pub(crate) struct Instance(#[expect(dead_code, reason = "held until it is dropped")] Vec<Lock>);

/// Something that an instance writes to.
struct Claim {
    lock: PathBuf,
    what: String,
}

impl Claim {
    /// Creates the directory, which would be created at the first save.
    fn of_folder(what: &str, folder: &Path) -> Self {
        // One that cannot be created cannot be locked, which is no reason to stop.
        let _not_created = std::fs::create_dir_all(folder);
        Claim { lock: folder.join(NAME), what: format!("the {what} `{}`", folder.display()) }
    }

    /// Several flow files in one directory may each have an instance.
    fn of_flow_file(path: &Path) -> Self {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let lock = path.with_file_name(format!(".{name}.lock"));
        Claim { lock, what: format!("the flow file `{}`", path.display()) }
    }
}

impl Instance {
    /// Locks the user directory, the flow file and the directories of context stores.
    ///
    /// # Errors
    /// If another instance uses one of them, unless the setting `allow-shared-user-dir` is on.
    pub(crate) fn begin(settings: &Settings, places: &Places) -> anyhow::Result<Self> {
        let is_shared = settings.get(&table::ALLOW_SHARED_USER_DIR);
        let mut locks = Vec::new();
        for Claim { lock, what } in claims(settings, places) {
            match Lock::take(&lock) {
                Ok(lock) => locks.push(lock),
                Err(held @ NotLocked::Held(_)) if is_shared => warn!("{what} is {held}"),
                Err(held @ NotLocked::Held(_)) => bail!(
                    "{what} is {held}: stop that instance, give this one its own with `--user-dir`, or \
                     pass `--allow-shared-user-dir`"
                ),
                // A directory that is read-only, or without support for locks.
                Err(error) => debug!("{what} is not locked: {error}"),
            }
        }
        Ok(Instance(locks))
    }
}

fn claims(settings: &Settings, places: &Places) -> Vec<Claim> {
    let mut claims = Vec::new();
    if settings.http_admin_root.is_some() {
        if places.is_chosen {
            claims.push(Claim::of_folder("user directory", &places.user_dir));
        }
        if let [flow_file] = places.flow_files.as_slice() {
            claims.push(Claim::of_flow_file(flow_file));
        }
    }
    let folders = contexts::folders(&settings.contexts, settings.get(&table::USER_DIR).as_deref());
    claims.extend(folders.iter().map(|folder| Claim::of_folder("context directory", folder)));
    claims
}
