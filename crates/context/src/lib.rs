//! Context stores that outlive the process. [`FileStore`] has a file for each context, at Node-RED's paths and in
//! its format, so that Node-RED and Ferrowire can read each other's contexts. [`SharedStore`] has its
//! values in a bucket that all instances of a cluster share.

mod file_store;
mod lanes;
mod layout;
pub mod metrics;
mod shared_store;

pub use file_store::{CannotOpen, FileStore};
pub use shared_store::{SharedOptions, SharedStore};
