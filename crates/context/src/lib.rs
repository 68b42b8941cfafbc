//! Persistent context stores: a file for each context, at Node-RED's paths and in its format, so
//! that Node-RED and Ferrowire can read each other's contexts.

mod file_store;
mod layout;

pub use file_store::{CannotOpen, FileStore};
