//! `Palette`: the node sets that the editor loads, with texts, icons and static files.

use std::collections::BTreeMap;

use ferrowire_core::{Editor, EditorPart, Map, NodeType, Registry, Value};

use super::catalog::Catalog;
use super::help::Help;
use super::node_set::NodeSet;
use super::pack::Pack;

/// Sets that the editor needs even if no node type uses them: the placeholder for unknown types,
/// the debug sidebar, junctions, and the global environment variables.
const ALWAYS: &[&str] = &[
    "common/05-junction",
    "common/21-debug",
    "common/90-comment",
    "common/91-global-config",
    "common/98-unknown",
];

/// Files by name.
type Files = Vec<(&'static str, &'static [u8])>;

/// All node sets and their files.
#[derive(Debug, Default)]
pub(crate) struct Palette {
    pub(crate) sets: Vec<NodeSet>,
    catalogs: BTreeMap<String, Catalog>,
    icons: BTreeMap<&'static str, Files>,
    resources: BTreeMap<&'static str, Files>,
    editor_version: String,
}

/// What a crate provides, with the types that use it.
struct CratePart<'a> {
    plugin: &'static str,
    version: &'a str,
    part: &'static EditorPart,
    types: Vec<&'a NodeType>,
}

impl Palette {
    pub(crate) fn new(registry: &Registry, pack: &Pack) -> Self {
        let editor_version = version(pack, "editor/package.json");
        let mut palette = Palette { editor_version, ..Palette::default() };
        let parts = parts(registry);
        palette.add_node_red(registry, pack, &parts);
        for (namespace, part) in parts {
            palette.add_part(namespace, &part);
        }
        palette
    }

    /// Adds Node-RED's sets, sorted by file name: this is the order of nodes within a category.
    fn add_node_red(
        &mut self,
        registry: &Registry,
        pack: &Pack,
        parts: &BTreeMap<String, CratePart<'_>>,
    ) {
        let used = registry.iter().filter_map(|node_type| node_type.editor.node_red());
        let mut paths: Vec<&str> = used.chain(ALWAYS.iter().copied()).collect();
        paths.sort_unstable();
        paths.dedup();
        let version = version(pack, "nodes/package.json");
        for path in paths {
            let Some(html) = pack.text(&format!("nodes/core/{path}.html")) else {
                if !pack.is_empty() {
                    tracing::error!(
                        "Node-RED has no file `{path}`; its node types are not in the palette"
                    );
                }
                continue;
            };
            let is_from = |node_type: &NodeType| node_type.editor.node_red() == Some(path);
            let mut set = NodeSet::of_node_red(set_name(path), &version, &html, help(pack, path));
            if !ALWAYS.contains(&path) {
                set.retain_types(|name| registry.get(name).is_some_and(is_from));
            }
            for (namespace, part) in parts {
                if part.types.iter().any(|node_type| is_from(node_type)) {
                    set.extend(namespace, part.part);
                }
            }
            // Types without a form, such as the junction.
            let all = registry.iter().filter(|node_type| is_from(node_type));
            set.add_types(all.map(|node_type| node_type.name));
            self.sets.push(set);
        }
    }

    fn add_part(&mut self, namespace: String, added: &CratePart<'_>) {
        let CratePart { plugin, version, part, types } = added;
        let is_own = |node_type: &&&NodeType| matches!(node_type.editor, Editor::Own(_));
        let own: Vec<String> =
            types.iter().filter(is_own).map(|node_type| node_type.name.to_owned()).collect();
        if !own.is_empty() {
            self.sets.push(NodeSet::of_crate(plugin, version, part, own));
        }
        self.catalogs.insert(namespace.clone(), Catalog::new(&namespace, part));
        for (all, files) in [(&mut self.icons, part.icons), (&mut self.resources, part.resources)] {
            if !files.is_empty() {
                all.entry(plugin).or_default().extend(files);
            }
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

    /// The texts that crates provide, by namespace.
    pub(crate) fn catalogs(&self) -> &BTreeMap<String, Catalog> {
        &self.catalogs
    }

    /// The texts of a namespace or a set; empty for a set of Node-RED's, whose texts are in one
    /// catalog.
    pub(crate) fn texts(&self, name: &str, language: &str) -> Option<Value> {
        match self.catalogs.get(name) {
            Some(catalog) => Some(catalog.texts(language)),
            None => self.set(name).map(|_| Map::new().into()),
        }
    }

    /// The icons that crates provide, by module.
    pub(crate) fn icons(&self) -> &BTreeMap<&'static str, Files> {
        &self.icons
    }

    /// The static files that crates provide, by module.
    pub(crate) fn resources(&self) -> &BTreeMap<&'static str, Files> {
        &self.resources
    }
}

/// What crates provide, by namespace.
fn parts(registry: &Registry) -> BTreeMap<String, CratePart<'_>> {
    let mut parts = BTreeMap::new();
    for node_type in registry.iter() {
        let Some(part) = node_type.editor.part() else { continue };
        let (plugin, version) = (node_type.plugin, node_type.version);
        let added = parts.entry(format!("{plugin}/{}", part.name)).or_insert_with(|| CratePart {
            plugin,
            version,
            part,
            types: Vec::new(),
        });
        added.types.push(node_type);
    }
    parts
}

/// The name of the set in a file: the file's name without the number that it begins with.
fn set_name(path: &str) -> &str {
    let file = path.rsplit('/').next().unwrap_or(path);
    match file.split_once('-') {
        Some((number, name)) if number.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => file,
    }
}

/// The help of a file of Node-RED's in other languages.
fn help(pack: &Pack, path: &str) -> Help {
    let (mut help, ending) = (Help::default(), format!("/{path}.html"));
    for (name, file) in pack.below("nodes/locales/") {
        if let Some(language) = name.strip_suffix(&ending) {
            help.add(language, &String::from_utf8_lossy(&file.plain()));
        }
    }
    help
}

fn version(pack: &Pack, path: &str) -> String {
    let package = pack.text(path).and_then(|text| Value::from_json(text.as_bytes()).ok());
    let version = package.as_ref().and_then(|package| package.get("version"));
    version.and_then(Value::as_str).unwrap_or("5.0.7").to_owned()
}

#[cfg(test)]
mod tests {
    use ferrowire_core::{FromConfig, Node, NodeConfig};

    use super::*;
    use crate::editor::pack::format::Packer;

    #[test]
    fn sets_are_named_as_node_red_names_them() {
        assert_eq!(set_name("network/22-websocket"), "websocket");
        assert_eq!(set_name("common/91-global-config"), "global-config");
        assert_eq!(set_name("function/rbe"), "rbe");
    }

    struct Nothing;

    impl FromConfig for Nothing {
        fn from_config(_: &mut NodeConfig<'_>) -> Self {
            Nothing
        }
    }

    impl Node for Nothing {}

    const PART: EditorPart = EditorPart::new(
        "more",
        r#"<script type="text/html" data-template-name="a"><b data-i18n="size"></b></script>"#,
    )
    .catalogs(&[("en-US", r#"{"size":"Size"}"#), ("de", r#"{"size":"Größe"}"#), ("fr", "[]")])
    .icons(&[("a.svg", b"<svg/>")])
    .resources(&[("a.js", b"a()")]);

    /// Two types of Node-RED's file `22-pair`, of which both or only the first is extended.
    fn palette(second: Editor) -> Palette {
        let form = |name: &str| {
            format!(r#"<script type="text/html" data-template-name="{name}">{name}</script>"#)
        };
        let html = format!("{}{}{}", form("a"), form("b"), form("c"));
        let mut packer = Packer::new(false);
        packer.add("nodes/core/network/22-pair.html", html.as_bytes()).unwrap();
        let pack = Pack::read(packer.finish().leak()).unwrap();
        let first = Editor::Extended { base: "network/22-pair", part: &PART };
        let mut registry = Registry::new();
        for (name, editor) in [("a", first), ("b", second)] {
            let node_type = NodeType::shared::<Nothing>(name).provided_by("maker", "1.0.0");
            registry.add(node_type.editor(editor)).unwrap();
        }
        Palette::new(&registry, &pack)
    }

    #[test]
    fn a_crate_extends_types_of_a_file_that_has_others() {
        let extended = Editor::Extended { base: "network/22-pair", part: &PART };
        for second in [Editor::NodeRed("network/22-pair"), extended] {
            let palette = palette(second);
            let [set] = palette.sets.as_slice() else { panic!("{:?}", palette.sets) };
            assert_eq!(
                (set.id().as_str(), set.types.as_slice()),
                ("node-red/pair", &["a", "b"].map(str::to_owned)[..])
            );
            let page = set.page("en-US");
            assert_eq!(page.matches(r#"<b data-i18n="maker/more:size"></b>"#).count(), 1, "{page}");
            assert!(page.contains(r#"})(["c"]);"#), "{page}");
        }
    }

    #[test]
    fn texts_icons_and_files_of_an_extension_are_those_of_its_crate() {
        let palette = palette(Editor::None);
        let texts = |language| palette.texts("maker/more", language).unwrap().to_json();
        assert_eq!(texts("de-AT"), r#"{"size":"Größe"}"#);
        assert_eq!(texts("en-US"), r#"{"size":"Size"}"#);
        assert_eq!(texts("fr"), "{}");
        assert_eq!(palette.texts("node-red/pair", "de").unwrap().to_json(), "{}");
        assert!(palette.texts("maker/other", "de").is_none());
        assert_eq!(palette.icons()["maker"], [("a.svg", b"<svg/>".as_slice())]);
        assert_eq!(palette.resources()["maker"], [("a.js", b"a()".as_slice())]);
    }
}
