//! Loads libraries into a registry.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferrowire_abi::declaration::DeclaredNode;
use ferrowire_core::{DuplicateType, Registry, Source};

use crate::{Inspection, Reason, Refused, inspect, open};

/// What is to be loaded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The library or folder.
    pub path: PathBuf,
    /// Which of them it is.
    pub kind: Kind,
    /// Whether the runtime must not start without it.
    pub required: bool,
}

/// What a path names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One library.
    File,
    /// Every library in it, not in folders below.
    Folder,
}

/// A library that was loaded.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct Loaded {
    /// What it says of itself.
    pub inspection: Inspection,
    /// The threads of its runtime, if it says how many.
    pub threads: Option<u32>,
}

/// What came of loading.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct Report {
    /// The libraries that are loaded, in order.
    pub loaded: Vec<Loaded>,
    /// Those that are not.
    pub refused: Vec<Refused>,
}

impl Report {
    /// The refused ones without which the runtime must not start.
    pub fn fatal(&self) -> impl Iterator<Item = &Refused> {
        self.refused.iter().filter(|refused| refused.required)
    }
}

/// Loads what `requests` name, in their order and those of a folder by name, and adds the node
/// types to `registry`. Every library gets `limit` to be ready. A file that several requests name
/// is loaded once. With a library whose constructors fail or hang the process ends, required or not,
/// after one line on standard error.
pub fn load(requests: &[Request], registry: &mut Registry, limit: Duration) -> Report {
    let mut report = Report::default();
    let mut seen = HashSet::new();
    for request in requests {
        let refused = |file: &Path, reason| Refused {
            file: file.to_owned(),
            reason,
            required: request.required,
        };
        let files = match request.kind {
            Kind::File => vec![request.path.clone()],
            Kind::Folder => match libraries_in(&request.path) {
                Ok(files) => files,
                Err(reason) => {
                    report.refused.push(refused(&request.path, reason));
                    continue;
                }
            },
        };
        for file in files {
            if !seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone())) {
                continue;
            }
            match load_one(&file, registry, limit) {
                Ok(loaded) => report.loaded.push(loaded),
                Err(reason) => report.refused.push(refused(&file, reason)),
            }
        }
    }
    report
}

/// The libraries of a folder, by name.
fn libraries_in(folder: &Path) -> Result<Vec<PathBuf>, Reason> {
    let unreadable = |error| Reason::Unreadable { error };
    if !folder.metadata().map_err(unreadable)?.is_dir() {
        return Err(Reason::NoDirectory);
    }
    let mut files = Vec::new();
    for entry in folder.read_dir().map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let is_library =
            path.extension().is_some_and(|ending| ending == std::env::consts::DLL_EXTENSION);
        if is_library {
            files.push(path);
        }
    }
    files.sort();
    Ok(files)
}

fn load_one(file: &Path, registry: &mut Registry, limit: Duration) -> Result<Loaded, Reason> {
    let inspection = inspect(file)?;
    inspection.accept()?;
    let declared = &inspection.declaration.nodes;
    let Some(first) = declared.first() else {
        return Err(Reason::NotAPlugin { missing: "a node type" });
    };
    // Before any of its code runs.
    declared.iter().try_for_each(|node| is_free(node, registry))?;
    let offer = open::open(&inspection.file, &first.plugin, limit)?;
    let names = |names: &mut dyn Iterator<Item = &str>| -> Vec<String> {
        names.map(str::to_owned).collect()
    };
    let declared = names(&mut declared.iter().map(|node| node.name.as_str()));
    let offered = names(&mut offer.types.iter().map(|node_type| node_type.name));
    if declared != offered {
        return Err(Reason::Contradiction { declared, offered });
    }
    for node_type in &offer.types {
        registry.add(*node_type)?;
    }
    for metric in &offer.metrics {
        registry.add_metric(*metric)?;
    }
    Ok(Loaded { inspection, threads: offer.threads })
}

/// Whether no other plugin has a node type of that name.
///
/// # Errors
/// Who has it.
pub fn is_free(node: &DeclaredNode, registry: &Registry) -> Result<(), DuplicateType> {
    match registry.get(&node.name) {
        None => Ok(()),
        Some(first) => Err(DuplicateType {
            node_type: node.name.clone(),
            first: match first.source {
                Source::Linked => first.plugin.to_owned(),
                Source::Loaded(file) => format!("{} in {file}", first.plugin),
            },
            second: node.plugin.clone(),
        }),
    }
}
