//! The library's node types as C data.

use std::sync::OnceLock;

use crate::raw;
use ferrowire_core::{Credential, Editor, EditorPart, Links, NodeType, Reference, Watches};

/// Node types whose C data lives for ever.
pub(super) struct Types {
    /// The types, in the order of their indices.
    pub(super) list: Vec<&'static NodeType>,
    /// The same as C data.
    raw: Vec<raw::NodeType>,
}

// SAFETY: strings and arrays that live for ever and never change.
unsafe impl Send for Types {}
// SAFETY: as above.
unsafe impl Sync for Types {}

impl Types {
    /// The C data: its start, and the size of one type.
    pub(super) fn raw(&self) -> (*const u8, usize) {
        (self.raw.as_ptr().cast(), size_of::<raw::NodeType>())
    }
}

/// The node types that are linked into this library.
pub(super) fn types() -> &'static Types {
    static TYPES: OnceLock<Types> = OnceLock::new();
    TYPES.get_or_init(|| {
        let mut list: Vec<_> = NodeType::linked().collect();
        list.sort_by_key(|node_type| node_type.name);
        let raw = list.iter().map(|node_type| describe(node_type)).collect();
        Types { list, raw }
    })
}

fn describe(node_type: &NodeType) -> raw::NodeType {
    let (links, links_property) = match node_type.links {
        Links::None => (0, ""),
        Links::Out(property) => (1, property),
        Links::In(property) => (2, property),
        Links::Call(property) => (3, property),
        Links::Answers => (4, ""),
    };
    raw::NodeType {
        name: raw::Str::new(node_type.name),
        summary: raw::Str::new(node_type.summary),
        category: raw::Str::new(node_type.category),
        plugin: raw::Str::new(node_type.plugin),
        version: raw::Str::new(node_type.version),
        receives_from: references(node_type.receives_from),
        sends_to: references(node_type.sends_to),
        uses: references(node_type.uses),
        unique: list(node_type.unique, |name| raw::Str::new(name)),
        editor: editor(node_type.editor),
        credentials: list(node_type.credentials, |credential| raw::Credential {
            name: raw::Str::new(credential.name()),
            secret: matches!(credential, Credential::Password(_)).into(),
        }),
        watches: match node_type.watches {
            Watches::Nothing => 0,
            Watches::Errors => 1,
            Watches::Statuses => 2,
            Watches::Completions => 3,
        },
        links,
        links_property: raw::Str::new(links_property),
    }
}

fn references(references: &[Reference]) -> raw::List<raw::Reference> {
    list(references, |reference| raw::Reference {
        property: raw::Str::new(reference.property),
        node_type: raw::Str::new(reference.node_type),
    })
}

fn editor(editor: Editor) -> raw::Editor {
    let kind = match editor {
        Editor::None => 0,
        Editor::NodeRed(_) => 1,
        Editor::Own(_) => 2,
        Editor::Extended { .. } => 3,
    };
    let none = EditorPart::new("", "");
    let part = editor.part().unwrap_or(&none);
    let text = |(name, text): &(&str, &str)| raw::NamedText {
        name: raw::Str::new(name),
        text: raw::Str::new(text),
    };
    let file = |(name, bytes): &(&str, &'static [u8])| raw::NamedBytes {
        name: raw::Str::new(name),
        bytes: raw::List::new(bytes),
    };
    raw::Editor {
        kind,
        node_red: raw::Str::new(editor.node_red().unwrap_or_default()),
        name: raw::Str::new(part.name),
        html: raw::Str::new(part.html),
        help: list(part.help, text),
        catalogs: list(part.catalogs, text),
        icons: list(part.icons, file),
        resources: list(part.resources, file),
    }
}

/// A list that lives for ever, as the library does.
fn list<T, R: 'static>(items: &[T], describe: impl Fn(&T) -> R) -> raw::List<R> {
    raw::List::new(items.iter().map(describe).collect::<Vec<_>>().leak())
}
