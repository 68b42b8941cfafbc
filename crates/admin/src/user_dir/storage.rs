//! `Storage`: reads and writes the files of the user directory.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ferrowire_core::{Map, Value};
use ferrowire_engine::FlowFile;

use crate::admin::{AdminSettings, CredentialSecret, Unusable};
use crate::user_dir::Secrets;
use crate::user_dir::{cipher, files, pretty};

/// Node-RED's name for a generated secret in the runtime settings.
const OWN_SECRET: &str = "_credentialSecret";

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

    /// The flows of all files. If there is only one and it does not exist, there are no flows.
    pub(crate) fn read_flows(&self) -> Result<FlowFile, Unusable> {
        let mut files = Vec::new();
        for path in &self.flow_files {
            let text = match fs::read(path) {
                Ok(text) => text,
                Err(error)
                    if error.kind() == io::ErrorKind::NotFound && self.flow_files.len() == 1 =>
                {
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
    fn credentials_file(&self, flow_file: &Path) -> PathBuf {
        let stem = flow_file.file_stem().unwrap_or_default().to_string_lossy();
        let ending = flow_file.extension().map(|ending| format!(".{}", ending.to_string_lossy()));
        flow_file.with_file_name(format!("{stem}_cred{}", ending.unwrap_or_default()))
    }

    /// The credentials of all flow files.
    pub(crate) fn read_secrets(&self) -> Result<Secrets, Unusable> {
        let mut secrets = Secrets::default();
        for flow_file in &self.flow_files {
            let path = self.credentials_file(flow_file);
            let Some(stored) = read_object(&path)? else { continue };
            match self.open(&stored)? {
                Some(credentials) => secrets.add(&credentials),
                None => {
                    tracing::error!(
                        "`{}` is encrypted with another secret: the flows run without \
                         credentials, and the next change of credentials replaces them",
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

    /// Saves flows, and credentials if they changed.
    pub(crate) fn save(&self, flows: &FlowFile, secrets: Option<&Secrets>) -> Result<(), Unusable> {
        let path = self.flow_file()?;
        let nodes: Vec<Value> = flows.nodes().iter().cloned().map(Value::from).collect();
        let text = self.print(&nodes.into());
        let failed = |error: io::Error| {
            Unusable(format!("cannot write the flow file `{}`: {error}", path.display()))
        };
        let flows = files::prepare(path, text.as_bytes(), false).map_err(failed)?;
        if let Some(secrets) = secrets {
            self.save_secrets(path, secrets)?;
        }
        flows.put_in_place().map_err(failed)
    }

    fn save_secrets(&self, flow_file: &Path, secrets: &Secrets) -> Result<(), Unusable> {
        let path = self.credentials_file(flow_file);
        if secrets.is_empty() && !path.exists() {
            return Ok(());
        }
        let stored = match &self.secret {
            CredentialSecret::Off => secrets.all().clone(),
            CredentialSecret::Given(secret) => sealed(secrets, secret),
            CredentialSecret::Generated => sealed(secrets, &self.make_secret()?),
        };
        let text = self.print(&stored.into());
        files::replace(&path, text.as_bytes(), true).map_err(|error| {
            Unusable(format!("cannot write the credentials `{}`: {error}", path.display()))
        })?;
        // A generated secret is no longer needed. It is removed last, so that a crash before this
        // leaves readable credentials.
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
        let _alone = self.changing_users.lock().unwrap_or_else(PoisonError::into_inner);
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
        let _alone = self.changing_runtime.lock().unwrap_or_else(PoisonError::into_inner);
        let mut settings = self.runtime_settings()?;
        change(&mut settings);
        self.write_settings(".config.runtime.json", settings)
    }

    fn write_settings(&self, name: &str, settings: Map) -> Result<(), Unusable> {
        let path = self.user_dir.join(name);
        files::replace(&path, pretty::print(&settings.into()).as_bytes(), true)
            .map_err(|error| Unusable(format!("cannot write `{}`: {error}", path.display())))
    }
}

fn sealed(secrets: &Secrets, secret: &str) -> Map {
    [("$", cipher::encrypt(secrets.all(), secret))].into_iter().collect()
}

/// A file with a JSON object; `None` if the file does not exist or is empty.
fn read_object(path: &Path) -> Result<Option<Map>, Unusable> {
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
