//! `Storage`: reads and writes the files of the user directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use ferrowire_core::{Map, MutexExt as _, Value};
use ferrowire_engine::FlowFile;
use ferrowire_files::{Content, recover, remove_leftovers, replace, replace_together};

use crate::admin::{AdminSettings, CredentialSecret, Unusable};
use crate::user_dir::Secrets;
use crate::user_dir::{cipher, pretty};

/// Node-RED's name for a generated secret in the runtime settings.
const OWN_SECRET: &str = "_credentialSecret";

/// What a missing flow file or file of credentials means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MissingFile {
    /// There is nothing in it yet.
    Empty,
    /// It was removed.
    Error,
}

/// The files of the user directory.
#[derive(Debug)]
pub(crate) struct Storage {
    flow_files: Vec<PathBuf>,
    user_dir: PathBuf,
    is_pretty: bool,
    secret: CredentialSecret,
    /// Held while the file of user settings is changed.
    changing_users: Mutex<()>,
    /// Held while the file of runtime settings is changed.
    changing_runtime: Mutex<()>,
}

impl Storage {
    pub(crate) fn new(settings: &AdminSettings) -> Self {
        Storage {
            flow_files: settings.flow_files.clone(),
            user_dir: settings.user_dir.clone(),
            is_pretty: settings.flow_file_pretty,
            secret: settings.credential_secret.clone(),
            changing_users: Mutex::default(),
            changing_runtime: Mutex::default(),
        }
    }

    /// The files around one flow file, to be read.
    pub(crate) fn of_flow_file(
        flow_file: &Path,
        user_dir: &Path,
        secret: CredentialSecret,
    ) -> Self {
        Storage {
            flow_files: vec![flow_file.to_owned()],
            user_dir: user_dir.to_owned(),
            is_pretty: false,
            secret,
            changing_users: Mutex::default(),
            changing_runtime: Mutex::default(),
        }
    }

    /// The flow file that is saved to.
    ///
    /// # Errors
    /// When there are several.
    pub(crate) fn flow_file(&self) -> Result<&Path, Unusable> {
        match self.flow_files.as_slice() {
            [path] => Ok(path),
            several => Err(Unusable(format!(
                "the flows come from {} files and cannot be saved; start with one flow file",
                several.len()
            ))),
        }
    }

    /// The folder of saved flows, functions and templates.
    pub(crate) fn library(&self) -> PathBuf {
        self.user_dir.join("lib")
    }

    /// Completes a save that was interrupted when a process was killed, and removes temporary files.
    /// Must be called before flows and credentials are read for the first time.
    ///
    /// # Errors
    /// When an interrupted save cannot be completed: flows and credentials may not fit each other.
    pub(crate) fn clean_up(&self) -> Result<(), Unusable> {
        for path in &self.flow_files {
            let completed = recover(&journal(path)).map_err(|error| {
                Unusable(format!(
                    "cannot complete the save of `{}` that was interrupted: {error}",
                    path.display()
                ))
            })?;
            if completed {
                tracing::info!("completed the save of `{}` that was interrupted", path.display());
            }
            let target = fs::canonicalize(path).unwrap_or_else(|_| path.clone());
            for file in [path, &target] {
                remove_temporary(file.parent().unwrap_or(Path::new("")), false);
            }
        }
        remove_temporary(&self.user_dir, false);
        remove_temporary(&self.library(), true);
        Ok(())
    }

    /// The flows of all files. A missing file may be [`MissingFile::Empty`] if it is the only one.
    pub(crate) fn read_flows(&self, missing: MissingFile) -> Result<FlowFile, Unusable> {
        let may_be_missing = missing == MissingFile::Empty && self.flow_files.len() == 1;
        let mut files = Vec::new();
        for path in &self.flow_files {
            let text = match fs::read(path) {
                Ok(text) => text,
                Err(error) if error.kind() == io::ErrorKind::NotFound && may_be_missing => {
                    return Ok(FlowFile::default());
                }
                Err(error) => return Err(unreadable("flow file", path, &error)),
            };
            let file = FlowFile::parse(&text).map_err(|error| {
                Unusable(format!("invalid flow file `{}`: {error}", path.display()))
            })?;
            files.push(file);
        }
        Ok(FlowFile::merged(files))
    }

    /// Node-RED's name for the file of credentials: `flows.json` has `flows_cred.json`.
    pub(crate) fn credentials_file(&self, flow_file: &Path) -> PathBuf {
        let stem = flow_file.file_stem().unwrap_or_default().to_string_lossy();
        let ending = flow_file.extension().map(|ending| format!(".{}", ending.to_string_lossy()));
        flow_file.with_file_name(format!("{stem}_cred{}", ending.unwrap_or_default()))
    }

    /// The credentials of all flow files.
    pub(crate) fn read_secrets(&self, missing: MissingFile) -> Result<Secrets, Unusable> {
        let mut secrets = Secrets::default();
        for flow_file in &self.flow_files {
            let path = self.credentials_file(flow_file);
            let Some(stored) = read_object(&path)? else {
                if missing == MissingFile::Error && self.flow_files.len() == 1 {
                    let reason = io::ErrorKind::NotFound.into();
                    return Err(unreadable("credentials", &path, &reason));
                }
                continue;
            };
            match self.open(&stored)? {
                Some(credentials) => secrets.add(&credentials),
                None => {
                    tracing::error!(
                        "`{}` is encrypted with another secret: the flows run without \
                         credentials, and the next change of credentials replaces them; set \
                         `credential-secret` to the secret of the runtime that wrote the file",
                        path.display()
                    );
                    secrets.set_unreadable();
                }
            }
        }
        Ok(secrets)
    }

    /// Decrypts stored credentials with the configured or the generated secret. `None` if neither
    /// fits.
    pub(crate) fn open(&self, stored: &Map) -> Result<Option<Map>, Unusable> {
        let Some(encrypted) = stored.get("$").and_then(Value::as_str) else {
            return Ok(Some(stored.clone()));
        };
        let given = match &self.secret {
            CredentialSecret::Given(secret) => Some(secret.clone()),
            CredentialSecret::Generated | CredentialSecret::Off => None,
        };
        let own = self.own_secret()?;
        Ok([given, own].iter().flatten().find_map(|secret| cipher::decrypt(encrypted, secret)))
    }

    fn own_secret(&self) -> Result<Option<String>, Unusable> {
        let settings = self.runtime_settings()?;
        Ok(settings.get(OWN_SECRET).and_then(Value::as_str).map(str::to_owned))
    }

    /// Saves flows, and credentials if they changed. After a crash, the files have both or neither.
    pub(crate) fn save(&self, flows: &FlowFile, secrets: Option<&Secrets>) -> Result<(), Unusable> {
        let path = self.flow_file()?;
        let nodes = || flows.nodes().iter().cloned().map(Value::Object).collect::<Vec<_>>();
        // The same text has the revision.
        let flows = if self.is_pretty { self.print(&nodes().into()) } else { flows.to_json() };
        let flows = Content { path, bytes: flows.as_bytes(), secret: false, keep_old: true };
        let credentials_path = self.credentials_file(path);
        let credentials = match secrets {
            Some(secrets) if !secrets.is_empty() || credentials_path.exists() => {
                Some(self.print(&self.stored_form(secrets)?.into()))
            }
            _ => None,
        };
        let failed = |files: String| {
            move |error: io::Error| Unusable(format!("cannot write {files}: {error}"))
        };
        let Some(credentials) = credentials else {
            return replace(flows).map_err(failed(format!("the flow file `{}`", path.display())));
        };
        let bytes = credentials.as_bytes();
        let credentials = Content { path: &credentials_path, bytes, secret: true, keep_old: true };
        replace_together(&[credentials, flows], &journal(path)).map_err(failed(format!(
            "the flow file `{}` and its credentials `{}`",
            path.display(),
            credentials_path.display()
        )))?;
        self.forget_unused_secret()
    }

    /// The content of the file of credentials.
    pub(crate) fn stored_form(&self, secrets: &Secrets) -> Result<Map, Unusable> {
        Ok(match &self.secret {
            CredentialSecret::Off => secrets.all().clone(),
            CredentialSecret::Given(secret) => sealed(secrets, secret),
            CredentialSecret::Generated => sealed(secrets, &self.make_secret()?),
        })
    }

    /// Removes a generated secret that is no longer needed. This comes last, so that a crash before
    /// it leaves readable credentials.
    fn forget_unused_secret(&self) -> Result<(), Unusable> {
        if self.secret != CredentialSecret::Generated && self.own_secret()?.is_some() {
            self.change_runtime_settings(|settings| drop(settings.remove(OWN_SECRET)))?;
        }
        Ok(())
    }

    fn make_secret(&self) -> Result<String, Unusable> {
        if let Some(secret) = self.own_secret()? {
            return Ok(secret);
        }
        let secret = cipher::new_secret();
        self.change_runtime_settings(|settings| {
            settings.insert(OWN_SECRET, secret.as_str());
        })?;
        Ok(secret)
    }

    fn print(&self, value: &Value) -> String {
        if self.is_pretty { pretty::print(value) } else { value.to_json() }
    }

    /// Flows as text for a file of the library.
    pub(crate) fn print_flows(&self, flows: &Value) -> String {
        self.print(flows)
    }

    /// The editor's settings of all users, by user.
    pub(crate) fn users(&self) -> Result<Map, Unusable> {
        Ok(read_object(&self.user_dir.join(".config.users.json"))?.unwrap_or_default())
    }

    pub(crate) fn change_users(&self, change: impl FnOnce(&mut Map)) -> Result<(), Unusable> {
        let _alone = self.changing_users.locked();
        let mut users = self.users()?;
        change(&mut users);
        self.write_settings(".config.users.json", users)
    }

    /// Settings that the runtime itself keeps.
    pub(crate) fn runtime_settings(&self) -> Result<Map, Unusable> {
        Ok(read_object(&self.user_dir.join(".config.runtime.json"))?.unwrap_or_default())
    }

    pub(crate) fn change_runtime_settings(
        &self,
        change: impl FnOnce(&mut Map),
    ) -> Result<(), Unusable> {
        let _alone = self.changing_runtime.locked();
        let mut settings = self.runtime_settings()?;
        change(&mut settings);
        self.write_settings(".config.runtime.json", settings)
    }

    fn write_settings(&self, name: &str, settings: Map) -> Result<(), Unusable> {
        let path = self.user_dir.join(name);
        let text = pretty::print(&settings.into());
        replace(Content { path: &path, bytes: text.as_bytes(), secret: true, keep_old: true })
            .map_err(|error| Unusable(format!("cannot write `{}`: {error}", path.display())))
    }
}

/// The journal of saves of a flow file with its credentials.
fn journal(flow_file: &Path) -> PathBuf {
    let name = flow_file.file_name().unwrap_or_default().to_string_lossy();
    flow_file.with_file_name(format!(".{name}.pending"))
}

fn remove_temporary(folder: &Path, below: bool) {
    let folder = if folder == Path::new("") { Path::new(".") } else { folder };
    if let Err(error) = remove_leftovers(folder, below) {
        tracing::warn!("cannot remove temporary files in `{}`: {error}", folder.display());
    }
}

fn sealed(secrets: &Secrets, secret: &str) -> Map {
    [("$", cipher::encrypt(secrets.all(), secret))].into_iter().collect()
}

/// A file with a JSON object; `None` if the file does not exist or is empty.
pub(crate) fn read_object(path: &Path) -> Result<Option<Map>, Unusable> {
    let text = match fs::read(path) {
        Ok(text) if text.is_empty() => return Ok(None),
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable("file", path, &error)),
    };
    match Value::from_json(&text) {
        Ok(Value::Object(map)) => Ok(Some(Map::clone(&map))),
        Ok(_) => Err(Unusable(format!("expected a JSON object in `{}`", path.display()))),
        Err(error) => Err(Unusable(format!("invalid JSON in `{}`: {error}", path.display()))),
    }
}

fn unreadable(what: &str, path: &Path, error: &io::Error) -> Unusable {
    Unusable(format!("cannot read the {what} `{}`: {error}", path.display()))
}
