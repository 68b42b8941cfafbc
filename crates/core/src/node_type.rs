//! `NodeType`: the record that describes a node type, and the `Registry` of all types that are
//! linked in or loaded.

use std::collections::BTreeMap;

use crate::metric::{DuplicateMetric, Metrics, RegisteredMetric};
use crate::{Credential, Editor, ExclusiveNode, FromConfig, Map, Node, NodeConfig};

/// A node that is built but not started, in one of the two forms.
pub enum BuiltNode {
    /// Handles messages through `&self`.
    Shared(Box<dyn Node>),
    /// Handles messages through `&mut self`.
    Exclusive(Box<dyn ExclusiveNode>),
}

impl std::fmt::Debug for BuiltNode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            BuiltNode::Shared(_) => "Shared",
            BuiltNode::Exclusive(_) => "Exclusive",
        })
    }
}

/// A property with the id of a configuration node of a certain type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The property's name.
    pub property: &'static str,
    /// The type of the referenced node.
    pub node_type: &'static str,
}

impl Reference {
    /// A reference in `property` to a node of `node_type`.
    pub const fn new(property: &'static str, node_type: &'static str) -> Self {
        Reference { property, node_type }
    }
}

/// What a node is told about other nodes. Which ones is said by its property `scope`: missing for
/// all of its flow, `group` for those in its group, or a list of ids.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Watches {
    /// Nothing.
    Nothing,
    /// Errors that no closer node caught; with `uncaught: true`, those that no other node caught.
    Errors,
    /// Statuses.
    Statuses,
    /// Completed messages; only of listed nodes.
    Completions,
}

/// How nodes are connected without wires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// They are not.
    None,
    /// What leaves output 0 goes to the nodes listed in this property, of a type with
    /// [`Links::In`].
    Out(&'static str),
    /// The other end: nodes with [`Links::Out`] may be listed here as well.
    In(&'static str),
    /// What leaves output 1 goes to the first node listed in this property, of a type with
    /// [`Links::In`].
    Call(&'static str),
    /// They take answers to what they sent: [`NodeContext::deliver`](crate::NodeContext::deliver)
    /// reaches the node `ID` as `answer:ID`, and only as that. So a name in a message, which may
    /// come from outside, reaches no other kind of node.
    Answers,
}

impl Links {
    /// What the address of a node with [`Links::Answers`] begins with; its id follows.
    pub const ANSWER: &'static str = "answer:";
}

/// The description of a node type. Created by a plugin crate and registered with `register!`.
#[derive(Clone, Copy, Debug)]
pub struct NodeType {
    /// The type in flow files, such as `websocket in`.
    pub name: &'static str,
    /// One line, for lists.
    pub summary: &'static str,
    /// The section of the palette; `config` for configuration nodes.
    pub category: &'static str,
    /// The crate that provides it.
    pub plugin: &'static str,
    /// The version of that crate.
    pub version: &'static str,
    /// The endpoint (a configuration node) whose messages arrive at the nodes. Of several references
    /// the first that is filled in counts.
    pub receives_from: &'static [Reference],
    /// The endpoint at which messages arrive that the nodes send through port 0. Of several
    /// references the first that is filled in counts.
    pub sends_to: &'static [Reference],
    /// What it is told about other nodes.
    pub watches: Watches,
    /// Its connections without wires.
    pub links: Links,
    /// Further configuration nodes that it refers to.
    pub uses: &'static [Reference],
    /// Properties whose value must be unique among the nodes, such as a listener's path; compared
    /// without a leading slash.
    pub unique: &'static [&'static str],
    /// How the editor shows it.
    pub editor: Editor,
    /// Properties that are not stored in flow files. A node finds them in its property
    /// `credentials`.
    pub credentials: &'static [Credential],
    /// Where its code is.
    pub source: Source,
    builder: Builder,
}

/// Where the code of a node type is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Source {
    /// Linked into this program.
    Linked,
    /// In the shared library at that path.
    Loaded(&'static str),
    /// In the npm package in that folder: another process runs it, with all of its wires. The nodes
    /// of this process only pass messages on to it.
    Hosted(&'static str),
}

/// Builds the nodes of a type that is not linked.
pub trait BuildNode: Send + Sync {
    /// Builds a node; see [`FromConfig`].
    fn build(&self, config: &mut NodeConfig<'_>) -> BuiltNode;
}

#[derive(Clone, Copy)]
enum Builder {
    Linked(fn(&mut NodeConfig<'_>) -> BuiltNode),
    /// Libraries are never unloaded, and packages stay known.
    Dynamic(&'static dyn BuildNode),
}

impl std::fmt::Debug for Builder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Builder")
    }
}

impl NodeType {
    /// A type whose nodes handle messages through `&self`.
    pub const fn shared<N: Node + FromConfig>(name: &'static str) -> Self {
        Self::with_build(name, |config| BuiltNode::Shared(Box::new(N::from_config(config))))
    }

    /// A type whose nodes handle one message at a time through `&mut self`.
    pub const fn exclusive<N: ExclusiveNode + FromConfig>(name: &'static str) -> Self {
        Self::with_build(name, |config| BuiltNode::Exclusive(Box::new(N::from_config(config))))
    }

    const fn with_build(name: &'static str, build: fn(&mut NodeConfig<'_>) -> BuiltNode) -> Self {
        Self::with_builder(name, Builder::Linked(build))
    }

    const fn with_builder(name: &'static str, builder: Builder) -> Self {
        NodeType {
            name,
            summary: "",
            category: "function",
            plugin: "",
            version: "",
            receives_from: &[],
            sends_to: &[],
            watches: Watches::Nothing,
            links: Links::None,
            uses: &[],
            unique: &[],
            source: Source::Linked,
            builder,
            editor: Editor::None,
            credentials: &[],
        }
    }

    /// A type whose code was loaded from `file`.
    pub fn loaded(name: &'static str, file: &'static str, builder: &'static dyn BuildNode) -> Self {
        NodeType {
            source: Source::Loaded(file),
            ..Self::with_builder(name, Builder::Dynamic(builder))
        }
    }

    /// A type whose code is in the npm package in `folder`.
    pub fn hosted(
        name: &'static str,
        folder: &'static str,
        builder: &'static dyn BuildNode,
    ) -> Self {
        NodeType {
            source: Source::Hosted(folder),
            ..Self::with_builder(name, Builder::Dynamic(builder))
        }
    }

    /// Whether another process runs its nodes.
    pub fn is_hosted(&self) -> bool {
        matches!(self.source, Source::Hosted(_))
    }

    /// Builds a node; see [`FromConfig`].
    pub fn build(&self, config: &mut NodeConfig<'_>) -> BuiltNode {
        match self.builder {
            Builder::Linked(build) => build(config),
            Builder::Dynamic(builder) => builder.build(config),
        }
    }

    /// All types that are linked into this program.
    pub fn linked() -> impl Iterator<Item = &'static NodeType> {
        inventory::iter::<Registered>.into_iter().map(|registered| &registered.node_type)
    }

    /// Sets the summary: one line, for lists.
    pub const fn summary(mut self, summary: &'static str) -> Self {
        self.summary = summary;
        self
    }

    /// Sets the section of the palette. `config` makes it a configuration node: it has no wires,
    /// and others refer to it by id.
    pub const fn category(mut self, category: &'static str) -> Self {
        self.category = category;
        self
    }

    /// Connects the nodes to an endpoint that they receive from.
    pub const fn receives_from(mut self, references: &'static [Reference]) -> Self {
        self.receives_from = references;
        self
    }

    /// Connects output 0 of the nodes to an endpoint.
    pub const fn sends_to(mut self, references: &'static [Reference]) -> Self {
        self.sends_to = references;
        self
    }

    /// Makes the nodes watch other nodes.
    pub const fn watches(mut self, what: Watches) -> Self {
        self.watches = what;
        self
    }

    /// Connects the nodes without wires.
    pub const fn links(mut self, links: Links) -> Self {
        self.links = links;
        self
    }

    /// Adds configuration nodes that the nodes refer to.
    pub const fn uses(mut self, references: &'static [Reference]) -> Self {
        self.uses = references;
        self
    }

    /// Declares properties that must be unique among the nodes.
    pub const fn unique(mut self, properties: &'static [&'static str]) -> Self {
        self.unique = properties;
        self
    }

    /// Sets how the editor shows the nodes.
    pub const fn editor(mut self, editor: Editor) -> Self {
        self.editor = editor;
        self
    }

    /// Declares properties that are not stored in flow files.
    pub const fn credentials(mut self, credentials: &'static [Credential]) -> Self {
        self.credentials = credentials;
        self
    }

    /// Used by `register!`: records the crate that provides the type.
    #[doc(hidden)]
    pub const fn provided_by(mut self, plugin: &'static str, version: &'static str) -> Self {
        assert!(!self.name.is_empty(), "a node type needs the name that flow files call it by");
        self.plugin = plugin;
        self.version = version;
        self
    }

    /// All references to configuration nodes.
    pub fn references(&self) -> impl Iterator<Item = &'static Reference> {
        self.receives_from.iter().chain(self.sends_to).chain(self.uses)
    }

    /// Whether its nodes are configuration nodes.
    pub fn is_config(&self) -> bool {
        self.category == "config"
    }
}

/// A node type and its record in the section that can be read without running code.
#[doc(hidden)]
#[derive(Debug)]
pub struct Registered {
    /// The type.
    pub node_type: NodeType,
    /// Keeps the record and its index entry in the file: the linker drops what is not referenced.
    pub records: [&'static [u8]; 2],
}

inventory::collect!(Registered);

/// Two crates provide the same type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "node type `{node_type}` is provided by both `{first}` and `{second}`; leave one of them out"
)]
pub struct DuplicateType {
    /// The type.
    pub node_type: String,
    /// The crate that registered it first.
    pub first: String,
    /// The other crate.
    pub second: String,
}

/// Two crates declare the same name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Duplicate {
    /// Of a node type.
    #[error(transparent)]
    Type(#[from] DuplicateType),
    /// Of a metric.
    #[error(transparent)]
    Metric(#[from] DuplicateMetric),
}

/// All node types of a program, by name.
#[derive(Clone, Debug, Default)]
pub struct Registry {
    types: BTreeMap<&'static str, NodeType>,
    metrics: Metrics,
    package_of: Option<PackageOf>,
    instead: Vec<Instead>,
}

/// A type that takes the place of the one of the same name for some nodes.
#[derive(Clone, Debug)]
struct Instead {
    node_type: NodeType,
    applies: fn(&Map) -> bool,
}

/// The npm package that has a node type, if it is known.
pub type PackageOf = fn(&str) -> Option<&'static str>;

impl Registry {
    /// An empty registry.
    pub fn new() -> Self {
        Registry::default()
    }

    /// All types and metrics linked into this program.
    ///
    /// # Errors
    /// If two crates declare the same type or metric.
    pub fn linked() -> Result<Self, Duplicate> {
        let mut registry = Registry::new();
        for node_type in NodeType::linked() {
            registry.add(*node_type)?;
        }
        for metric in Metrics::linked() {
            registry.metrics.add(*metric)?;
        }
        Ok(registry)
    }

    /// Adds a type.
    ///
    /// # Errors
    /// If the registry already has a type of that name.
    pub fn add(&mut self, node_type: NodeType) -> Result<(), DuplicateType> {
        if let Some(first) = self.types.get(node_type.name) {
            return Err(DuplicateType {
                node_type: node_type.name.to_owned(),
                first: first.plugin.to_owned(),
                second: node_type.plugin.to_owned(),
            });
        }
        self.types.insert(node_type.name, node_type);
        Ok(())
    }

    /// Adds a type that takes the place of the one of the same name for the nodes whose properties
    /// `applies` accepts.
    pub fn add_instead(&mut self, node_type: NodeType, applies: fn(&Map) -> bool) {
        self.instead.push(Instead { node_type, applies });
    }

    /// The type `name` for a node with these properties.
    pub fn of_node(&self, name: &str, properties: &Map) -> Option<&NodeType> {
        let mut instead = self.instead.iter();
        let instead = instead.find(|it| it.node_type.name == name && (it.applies)(properties));
        instead.map(|it| &it.node_type).or_else(|| self.get(name))
    }

    /// Sets what knows the packages of missing types, in a program that runs those.
    pub fn set_package_of(&mut self, package_of: PackageOf) {
        self.package_of = Some(package_of);
    }

    /// The npm package that could be installed for a missing type.
    pub fn package_of(&self, missing: &str) -> Option<&'static str> {
        self.package_of.and_then(|package_of| package_of(missing))
    }

    /// Removes the types for which `keep` returns false.
    pub fn retain(&mut self, keep: impl Fn(&NodeType) -> bool) {
        self.types.retain(|_, node_type| keep(node_type));
        self.instead.retain(|it| keep(&it.node_type));
    }

    /// The metrics of the crates that provide the types.
    pub fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    /// Adds a metric.
    ///
    /// # Errors
    /// If another crate has a metric of that name.
    pub fn add_metric(&mut self, metric: RegisteredMetric) -> Result<(), DuplicateMetric> {
        self.metrics.add(metric)
    }

    /// The type `name`.
    pub fn get(&self, name: &str) -> Option<&NodeType> {
        self.types.get(name)
    }

    /// All types, by name.
    pub fn iter(&self) -> impl Iterator<Item = &NodeType> {
        self.types.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Idle;

    impl Node for Idle {}

    impl FromConfig for Idle {
        fn from_config(_: &mut NodeConfig<'_>) -> Self {
            Idle
        }
    }

    #[test]
    #[should_panic(expected = "needs the name that flow files call it by")]
    fn a_type_without_a_name_does_not_compile() {
        // What `register!` evaluates at compile time.
        NodeType::shared::<Idle>("").provided_by("crate", "1.0.0");
    }
}
