//! Context stores that outlive the runtime: a file for each context, in Node-RED's places and
//! format, so that what Node-RED stored is found and what is stored here Node-RED finds.

mod file_store;
mod layout;

pub use file_store::{CannotOpen, FileStore};
