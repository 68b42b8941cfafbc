//! The user directory: flows, credentials and settings, in the files and formats of Node-RED.

mod cipher;
mod declarations;
mod pretty;
mod secrets;
mod storage;
mod stored;

pub(crate) use declarations::{Declarations, Declared};
pub(crate) use secrets::Secrets;
pub(crate) use storage::{MissingFile, Storage};
pub use stored::{StoredCredentials, stored_credentials};
