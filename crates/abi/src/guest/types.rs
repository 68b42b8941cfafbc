//! The library's node types as C data.

use std::sync::OnceLock;

use crate::raw;
use ferrowire_core::{
    Credential, Editor, EditorPart, Endpoint, Links, NodeType, Reference, Watches,
};

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
    /// The C data as its version has it: its start, and the size of one type.
    pub(super) fn raw(&self) -> (*const u8, usize) {
        let size = size_of::<raw::NodeType>();
        match crate::MINOR {
            0 => self.first_version(size),
            _ => (self.raw.as_ptr().cast(), size),
        }
    }

    /// The same without what came later, for the tests of older libraries.
    fn first_version(&self, size: usize) -> (*const u8, usize) {
        let first = std::mem::offset_of!(raw::NodeType, editor);
        let words: &'static mut [u64] = vec![0; self.raw.len() * first / 8].leak();
        let to: *mut u8 = words.as_mut_ptr().cast();
        for index in 0..self.raw.len() {
            // SAFETY: `first` bytes of each type, and room for all of them.
            unsafe {
                let from = self.raw.as_ptr().cast::<u8>().add(index * size);
                to.add(index * first).copy_from_nonoverlapping(from, first);
            }
        }
        (to, first)
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
    let endpoint = match node_type.endpoint {
        Endpoint::None => 0,
        Endpoint::ReceivesFrom(_) => 1,
        Endpoint::SendsTo(_) => 2,
    };
    let (links, links_property) = match node_type.links {
        Links::None => (0, ""),
        Links::Out(property) => (1, property),
        Links::In(property) => (2, property),
        Links::Call(property) => (3, property),
    };
    raw::NodeType {
        name: raw::Str::new(node_type.name),
        summary: raw::Str::new(node_type.summary),
        category: raw::Str::new(node_type.category),
        plugin: raw::Str::new(node_type.plugin),
        version: raw::Str::new(node_type.version),
        endpoint,
        endpoint_refs: references(node_type.endpoint.references()),
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
    let (kind, name) = match editor {
        Editor::None => (0, ""),
        // The additions do not cross the border yet.
        Editor::NodeRed(path) | Editor::Extended { base: path, .. } => (1, path),
        Editor::Own(part) => (2, part.name),
    };
    let none = EditorPart::new("", "");
    let part = match editor {
        Editor::Own(part) => part,
        _ => &none,
    };
    let text = |(name, text): &(&str, &str)| raw::NamedText {
        name: raw::Str::new(name),
        text: raw::Str::new(text),
    };
    raw::Editor {
        kind,
        name: raw::Str::new(name),
        html: raw::Str::new(part.html),
        help: list(part.help, text),
        catalogs: list(part.catalogs, text),
        icons: list(part.icons, |(name, bytes)| raw::NamedBytes {
            name: raw::Str::new(name),
            bytes: raw::List::new(bytes),
        }),
    }
}

/// A list that lives for ever, as the library does.
fn list<T, R: 'static>(items: &[T], describe: impl Fn(&T) -> R) -> raw::List<R> {
    raw::List::new(items.iter().map(describe).collect::<Vec<_>>().leak())
}
