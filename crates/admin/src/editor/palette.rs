//! `Palette`: what the editor offers: the sets of all registered node types.

use std::collections::BTreeMap;

use ferrowire_core::{Editor, EditorPart, NodeType, Registry, Value};

use crate::editor::node_set::NodeSet;
use crate::editor::pack::Pack;

/// Sets that the editor needs, whatever nodes there are: the placeholder for unknown types, the
/// debug sidebar, junctions, and the variables of all flows.
const ALWAYS: &[&str] = &[
    "common/05-junction",
    "common/21-debug",
    "common/90-comment",
    "common/91-global-config",
    "common/98-unknown",
];

/// What the editor offers.
#[derive(Debug, Default)]
pub(crate) struct Palette {
    pub(crate) sets: Vec<NodeSet>,
    icons: BTreeMap<String, Vec<(String, &'static [u8])>>,
    editor_version: String,
}

impl Palette {
    pub(crate) fn new(registry: &Registry, pack: &Pack) -> Self {
        let editor_version = version(pack, "editor/package.json");
        let mut palette = Palette { editor_version, ..Palette::default() };
        palette.add_node_red(registry, pack);
        palette.add_crates(registry);
        palette
    }

    /// In the order of Node-RED's files, which is that of the nodes within a category.
    fn add_node_red(&mut self, registry: &Registry, pack: &Pack) {
        let used = registry.iter().filter_map(|node_type| match node_type.editor {
            Editor::NodeRed(path) => Some(path),
            _ => None,
        });
        let mut paths: Vec<&str> = used.chain(ALWAYS.iter().copied()).collect();
        paths.sort_unstable();
        paths.dedup();
        let version = version(pack, "nodes/package.json");
        for path in paths {
            let Some(html) = pack.text(&format!("nodes/core/{path}.html")) else {
                if !pack.is_empty() {
                    tracing::error!(
                        "Node-RED has no nodes in `{path}`, they are not in the palette"
                    );
                }
                continue;
            };
            let is_from = |node_type: &NodeType| matches!(node_type.editor, Editor::NodeRed(provided) if provided == path);
            let has =
                |name: &str| ALWAYS.contains(&path) || registry.get(name).is_some_and(is_from);
            let help = help(pack, path);
            let mut set = NodeSet::of_node_red(set_name(path), &version, &html, help, has);
            // A type such as the junction needs no form.
            let all = registry.iter().filter(|node_type| is_from(node_type));
            set.add_types(all.map(|node_type| node_type.name));
            self.sets.push(set);
        }
    }

    fn add_crates(&mut self, registry: &Registry) {
        let mut parts: BTreeMap<(&str, &str), (&NodeType, &EditorPart, Vec<String>)> =
            BTreeMap::new();
        for node_type in registry.iter() {
            if let Editor::Own(part) = node_type.editor {
                let key = (node_type.plugin, part.name);
                let (_, _, types) =
                    parts.entry(key).or_insert_with(|| (node_type, part, Vec::new()));
                types.push(node_type.name.to_owned());
            }
        }
        for ((module, _), (node_type, part, types)) in parts {
            self.sets.push(NodeSet::of_crate(module, node_type.version, part, types));
            let icons = self.icons.entry(module.to_owned()).or_default();
            icons.extend(part.icons.iter().map(|(name, bytes)| ((*name).to_owned(), *bytes)));
        }
    }

    /// The version of the editor, such as `5.0.7`.
    pub(crate) fn editor_version(&self) -> &str {
        &self.editor_version
    }

    pub(crate) fn set(&self, id: &str) -> Option<&NodeSet> {
        self.sets.iter().find(|set| set.id() == id)
    }

    /// The sets of a module.
    pub(crate) fn module<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a NodeSet> {
        self.sets.iter().filter(move |set| set.module == name)
    }

    /// The icons that crates bring along, by module.
    pub(crate) fn icons(&self) -> &BTreeMap<String, Vec<(String, &'static [u8])>> {
        &self.icons
    }
}

/// Node-RED names a set like its file, without the number that orders the files.
fn set_name(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    match file.split_once('-') {
        Some((number, name)) if number.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => file,
    }
}

/// The help of a file of Node-RED's, by language.
fn help(pack: &Pack, path: &str) -> impl Iterator<Item = (String, String)> {
    let ending = format!("/{path}.html");
    pack.below("nodes/locales/").filter_map(move |(name, file)| {
        let language = name.strip_suffix(&ending)?;
        Some((language.to_owned(), String::from_utf8(file.plain().into_owned()).ok()?))
    })
}

fn version(pack: &Pack, path: &str) -> String {
    let package = pack.text(path).and_then(|text| Value::from_json(text.as_bytes()).ok());
    let version = package.as_ref().and_then(|package| package.get("version"));
    version.and_then(Value::as_str).unwrap_or("5.0.7").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_named_as_node_red_names_them() {
        assert_eq!(set_name("network/22-websocket"), "websocket");
        assert_eq!(set_name("common/91-global-config"), "global-config");
        assert_eq!(set_name("function/rbe"), "rbe");
    }
}
