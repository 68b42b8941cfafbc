//! What can be said of a file of credentials before the flows run.

use std::path::{Path, PathBuf};

use crate::admin::{CredentialSecret, Unusable};
use crate::user_dir::Storage;
use crate::user_dir::storage::read_object;

/// The credentials beside a flow file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredCredentials {
    /// The file, which exists.
    pub file: PathBuf,
    /// Whether it is encrypted.
    pub is_encrypted: bool,
    /// The number of nodes with credentials; `None` if they are encrypted with another secret.
    pub nodes: Option<usize>,
}

/// Reads the credentials of a flow file, with a secret or the generated one of the user directory. `None`
/// if there are none.
///
/// # Errors
/// If a file cannot be read, or is not JSON.
pub fn stored_credentials(
    flow_file: &Path,
    user_dir: &Path,
    secret: CredentialSecret,
) -> Result<Option<StoredCredentials>, Unusable> {
    let storage = Storage::of_flow_file(flow_file, user_dir, secret);
    let file = storage.credentials_file(flow_file);
    let Some(stored) = read_object(&file)? else { return Ok(None) };
    let is_encrypted = stored.contains_key("$");
    let nodes = storage.open(&stored)?.map(|credentials| credentials.len());
    Ok(Some(StoredCredentials { file, is_encrypted, nodes }))
}
