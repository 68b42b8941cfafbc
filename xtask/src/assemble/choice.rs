//! Selects the plugins of a runtime: from a manifest, from flow files, from flags.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};

use super::Options;
use super::flows::{self, Used};
use super::known;
use super::manifest::{Listed, Manifest};
use super::source::{Source, clean, package_name};
use crate::cargo;
use crate::crates::{Crate, FACADE, Repository, short};

/// What to assemble.
#[derive(Debug)]
pub(crate) struct Assembly {
    /// The name of the crate and of its program.
    pub(crate) name: String,
    pub(crate) output: Option<PathBuf>,
    pub(crate) plugins: Vec<Plugin>,
    /// The parts of the runtime that the program contains, as features of `ferrowire-runtime`.
    pub(crate) parts: Vec<&'static str>,
    /// The types that the runtime must have.
    pub(crate) needed: Used,
}

/// The parts of the runtime that can be left out and are no plugins, by their names in `--without`.
const PARTS: [&str; 4] = ["cluster", "editor", "migrate", NPM_NODES];
const NPM_NODES: &str = "npm-nodes";

/// A plugin, with what is known before cargo resolves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Plugin {
    pub(crate) package: String,
    pub(crate) source: Source,
    /// The crate itself, if it is on this machine.
    pub(crate) found: Option<Crate>,
}

impl Plugin {
    fn new(source: Source, repository: &Repository) -> Result<Self> {
        let found = match &source {
            Source::Bundled(name) => Some(bundled(name, repository)?.clone()),
            Source::Path(folder) => Some(Crate::read(folder)?),
            Source::Version { .. } | Source::Git { .. } => None,
        };
        if let Some(found) = &found {
            found.ensure_plugin()?;
        }
        let package = match (&source, &found) {
            (_, Some(found)) => found.name.clone(),
            (Source::Version { package, .. } | Source::Git { package, .. }, _) => package.clone(),
            (Source::Bundled(_) | Source::Path(_), None) => bail!("a plugin has no crate"),
        };
        Ok(Plugin { package, source, found })
    }

    fn is_called(&self, name: &str) -> bool {
        let bundled = matches!(self.source, Source::Bundled(_));
        let folder = self.found.as_ref().filter(|_| bundled).map(short);
        self.package == name || folder == Some(name)
    }

    fn types(&self) -> Option<&[String]> {
        self.found.as_ref()?.types.as_deref()
    }
}

fn bundled<'a>(name: &str, repository: &'a Repository) -> Result<&'a Crate> {
    repository.plugin(name).with_context(|| {
        format!(
            "no plugin `{name}`, expected one of {}; for a plugin of your own, write its folder, \
             such as `./{name}`, or its version, such as `{name}@1.2`",
            repository.names()
        )
    })
}

/// Reads the options.
pub(crate) fn choose(options: &Options, repository: &Repository, here: &Path) -> Result<Assembly> {
    let manifest = options.manifest.as_ref().map(|path| Manifest::read(&here.join(path)));
    let manifest = manifest.transpose()?;
    let from_flows: Vec<_> = options.from_flows.iter().map(|path| here.join(path)).collect();
    let mut needed = flows::read(&from_flows)?;
    let parts = parts(options, manifest.as_ref());
    if parts.contains(&NPM_NODES) {
        leave_to_npm(&mut needed, repository);
    }
    let mut chosen = Vec::new();
    for text in &options.with {
        add(&mut chosen, Plugin::new(Source::parse(text, here)?, repository)?)?;
    }
    let base: Vec<Source> = match &manifest {
        Some(_) => Vec::new(),
        None if options.bare => Vec::new(),
        None if !from_flows.is_empty() => providers(&needed, &chosen, repository)?,
        None => repository.plugins.iter().map(by_name).collect(),
    };
    for source in base {
        let plugin = Plugin::new(source, repository)?;
        // An explicit plugin replaces the one of the same name in the initial set.
        if !chosen.iter().any(|other| other.package == plugin.package) {
            add(&mut chosen, plugin)?;
        }
    }
    for Listed { source, place } in manifest.iter().flat_map(|manifest| &manifest.plugins) {
        let plugin = Plugin::new(source.clone(), repository);
        let added = plugin.and_then(|plugin| add(&mut chosen, plugin));
        added.with_context(|| place.clone())?;
    }
    add_needed(&mut chosen, repository)?;
    leave_out(&mut chosen, &options.without)?;
    one_provider(&chosen)?;
    our_contract(&chosen)?;
    ensure!(!chosen.is_empty(), "no plugin is left; add some with `--with`");
    chosen.sort_by(|a, b| a.package.cmp(&b.package));

    let (name, output) = manifest.map(|it| (it.name, it.output)).unwrap_or_default();
    let name = options.name.clone().or(name).unwrap_or_else(|| "my-runtime".to_owned());
    let output = options.output.as_ref().map(|path| here.join(path)).or(output);
    ensure_free(&name, &chosen, repository)?;
    Ok(Assembly { name, output, plugins: chosen, parts, needed })
}

/// The parts that neither the manifest nor a flag leaves out.
fn parts(options: &Options, manifest: Option<&Manifest>) -> Vec<&'static str> {
    let is_out = |name: &str| {
        manifest.is_some_and(|manifest| manifest.left_out.contains(&name))
            || options.without.iter().any(|other| other == name)
    };
    PARTS.into_iter().filter(|name| !is_out(name)).collect()
}

/// Removes the types that packages from npm have and no plugin of this repository, and names the packages.
fn leave_to_npm(needed: &mut Used, repository: &Repository) {
    needed.retain(|node_type, _| {
        let package = known::package_of(node_type);
        let Some(package) = package.filter(|_| repository.provider(node_type).is_none()) else {
            return true;
        };
        println!("Node.js runs `{node_type}`: install `{package}` in the user directory");
        false
    });
}

fn by_name(plugin: &Crate) -> Source {
    Source::Bundled(plugin.name.clone())
}

fn add(chosen: &mut Vec<Plugin>, plugin: Plugin) -> Result<()> {
    if let Some(other) = chosen.iter().find(|other| other.package == plugin.package) {
        ensure!(
            other.source == plugin.source,
            "`{}` is selected twice, from {} and from {}; remove one of them",
            plugin.package,
            origin(other),
            origin(&plugin)
        );
        return Ok(());
    }
    chosen.push(plugin);
    Ok(())
}

/// Where a plugin comes from, for messages.
pub(crate) fn origin(plugin: &Plugin) -> String {
    match &plugin.source {
        Source::Bundled(_) => "this repository".to_owned(),
        Source::Path(folder) => format!("`{}`", folder.display()),
        Source::Version { version, .. } => format!("the registry, version `{version}`"),
        Source::Git { url, .. } => format!("`{url}`"),
    }
}

fn leave_out(chosen: &mut Vec<Plugin>, without: &[String]) -> Result<()> {
    for name in without.iter().filter(|name| !PARTS.contains(&name.as_str())) {
        let before = chosen.len();
        chosen.retain(|plugin| !plugin.is_called(name));
        if chosen.len() == before {
            let names: Vec<_> = chosen.iter().map(|plugin| plugin.package.as_str()).collect();
            bail!("cannot remove `{name}`, which is not in the set ({})", names.join(", "));
        }
    }
    Ok(())
}

/// Rejects plugins that provide the same node type, which would fail the start of the program.
fn one_provider(chosen: &[Plugin]) -> Result<()> {
    for (at, plugin) in chosen.iter().enumerate() {
        for node_type in plugin.types().into_iter().flatten() {
            let provides = |it: &&Plugin| it.types().is_some_and(|all| all.contains(node_type));
            if let Some(other) = chosen.iter().take(at).find(provides) {
                bail!(
                    "the node type `{node_type}` is provided by both `{}` from {} and `{}` from \
                     {}; leave one of them out with `--without`",
                    other.package,
                    origin(other),
                    plugin.package,
                    origin(plugin)
                );
            }
        }
    }
    Ok(())
}

/// Rejects plugins that take the contract from a folder outside of this checkout. Cargo can redirect a
/// git repository and a registry, but no folder.
fn our_contract(chosen: &[Plugin]) -> Result<()> {
    let ours = clean(&cargo::root().join("crates/ferrowire"));
    for plugin in chosen {
        let wanted = plugin.found.iter().flat_map(|found| &found.wanted_facade);
        let foreign = wanted.filter_map(|it| it.folder.as_deref()).find(|it| clean(it) != ours);
        if let Some(folder) = foreign {
            bail!(
                "`{}` from {} uses `{FACADE}` in `{}`, which is not this checkout; run `cargo \
                 xtask` in that one, or let its Cargo.toml name a git repository: `{FACADE} = {{ git \
                 = \"…\", version = \"…\" }}`, for which this checkout is used. `cargo xtask plugin` \
                 builds it as a library for any runtime",
                plugin.package,
                origin(plugin),
                folder.display()
            );
        }
    }
    Ok(())
}

/// Adds the bundled plugins with the nodes that the selected ones refer to.
fn add_needed(chosen: &mut Vec<Plugin>, repository: &Repository) -> Result<()> {
    let mut next = 0;
    while let Some(plugin) = chosen.get(next) {
        next += 1;
        for node_type in plugin.found.as_ref().map(|it| it.needs.clone()).unwrap_or_default() {
            let is_there = |it: &Plugin| it.types().is_some_and(|all| all.contains(&node_type));
            match repository.provider(&node_type) {
                Some(provider) if !chosen.iter().any(is_there) => {
                    chosen.push(Plugin::new(by_name(provider), repository)?);
                }
                _ => {}
            }
        }
    }
    Ok(())
}

/// The bundled plugins for the types that no other plugin provides.
fn providers(needed: &Used, chosen: &[Plugin], repository: &Repository) -> Result<Vec<Source>> {
    let (mut sources, mut missing) = (Vec::new(), Vec::new());
    for (node_type, users) in needed {
        let mut types = chosen.iter().filter_map(Plugin::types);
        let is_there = types.any(|types| types.contains(node_type));
        match repository.provider(node_type) {
            _ if is_there => {}
            Some(found) => sources.push(by_name(found)),
            None if users.is_empty() => {}
            None => missing.push((node_type, users)),
        }
    }
    // A plugin that does not list its types may provide it; the finished program is checked.
    let all_say = chosen.iter().all(|plugin| plugin.types().is_some());
    ensure!(
        missing.is_empty() || !all_say,
        "nothing provides {}; add plugins that do with `--with`",
        flows::shown(missing)
    );
    Ok(sources)
}

/// A crate must not have the name of a dependency.
fn ensure_free(name: &str, chosen: &[Plugin], repository: &Repository) -> Result<()> {
    package_name(name)?;
    let library = name.replace('-', "_");
    let taken = repository.taken.iter().map(String::as_str);
    let taken = taken.chain(chosen.iter().map(|plugin| plugin.package.as_str()));
    for other in taken {
        ensure!(
            other.replace('-', "_") != library,
            "the name `{name}` is used by a crate of the runtime; choose another one with \
             `--name`; `--output` sets the name of the file"
        );
    }
    Ok(())
}
