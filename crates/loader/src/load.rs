//! Loads libraries into a registry.

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ferrowire_abi::declaration::DeclaredNode;
use ferrowire_core::{DuplicateType, Registry, SettingRegistry, Source};

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

/// The libraries that requests name, inspected. None of their code has run.
#[derive(Debug, Default)]
pub struct Found {
    libraries: Vec<Library>,
    refused: Vec<Refused>,
}

/// A library that this host takes.
#[derive(Debug)]
struct Library {
    /// As the request names it.
    file: PathBuf,
    inspection: Inspection,
    required: bool,
}

impl Library {
    fn refused(self, reason: Reason) -> Refused {
        Refused { file: self.file, reason, required: self.required }
    }
}

/// Inspects what `requests` name, in their order and the libraries of a folder by name. A file that
/// several requests name counts once.
pub fn find(requests: &[Request]) -> Found {
    let mut found = Found::default();
    let mut seen = HashSet::new();
    for request in requests {
        let files = match request.kind {
            Kind::File => Ok(vec![request.path.clone()]),
            Kind::Folder => libraries_in(&request.path),
        };
        match files {
            Ok(files) => {
                let is_new = |file: &PathBuf| {
                    seen.insert(file.canonicalize().unwrap_or_else(|_| file.clone()))
                };
                let new = files.into_iter().filter(is_new);
                new.for_each(|file| found.inspect(file, request.required));
            }
            Err(reason) => {
                let (file, required) = (request.path.clone(), request.required);
                found.refused.push(Refused { file, reason, required });
            }
        }
    }
    found
}

impl Found {
    fn inspect(&mut self, file: PathBuf, required: bool) {
        let accepted = inspect(&file).and_then(|inspection| {
            inspection.accept()?;
            Ok(inspection)
        });
        match accepted {
            Ok(inspection) => self.libraries.push(Library { file, inspection, required }),
            Err(reason) => self.refused.push(Refused { file, reason, required }),
        }
    }

    /// The libraries that are refused.
    pub fn refused(&self) -> impl Iterator<Item = &Refused> {
        self.refused.iter()
    }

    /// Adds the settings of the libraries to `registry`. A library is refused when one of its
    /// settings cannot be added.
    pub fn add_settings(&mut self, registry: &mut SettingRegistry) {
        for library in std::mem::take(&mut self.libraries) {
            let settings = library.inspection.settings();
            match settings.and_then(|records| Ok(registry.add_all(&records)?)) {
                Ok(()) => self.libraries.push(library),
                Err(reason) => self.refused.push(library.refused(reason)),
            }
        }
    }

    /// Loads the libraries and adds their node types and metrics to `registry`. Every library gets
    /// `limit` to be ready. With a library whose constructors fail or hang the process ends, required
    /// or not, after one line on standard error.
    pub fn load(self, registry: &mut Registry, limit: Duration) -> Report {
        let mut report = Report { loaded: Vec::new(), refused: self.refused };
        for library in self.libraries {
            match load_one(&library.inspection, registry, limit) {
                Ok(threads) => {
                    report.loaded.push(Loaded { inspection: library.inspection, threads });
                }
                Err(reason) => report.refused.push(library.refused(reason)),
            }
        }
        report
    }
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

/// Loads a library; all of it is added to `registry`, or nothing.
fn load_one(
    inspection: &Inspection,
    registry: &mut Registry,
    limit: Duration,
) -> Result<Option<u32>, Reason> {
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
    let mut with_library = registry.clone();
    for node_type in &offer.types {
        with_library.add(*node_type)?;
    }
    for metric in &offer.metrics {
        with_library.add_metric(*metric)?;
    }
    *registry = with_library;
    Ok(offer.threads)
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
                Source::Loaded(place) | Source::Hosted(place) => {
                    format!("{} in {place}", first.plugin)
                }
            },
            second: node.plugin.clone(),
        }),
    }
}
