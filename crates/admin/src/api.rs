//! The handlers of the admin API, one file for each group of paths.

pub(crate) mod actions;
pub(crate) mod context;
pub(crate) mod credentials;
pub(crate) mod diagnostics;
pub(crate) mod flow;
pub(crate) mod flows;
pub(crate) mod library;
pub(crate) mod nodes;
pub(crate) mod settings;
