//! `Options`: how XML becomes an object and an object XML, from `msg.options`.
//!
//! Options that are functions cannot be in a message.

use ferrowire::expression::javascript;
use ferrowire::{Key, Map, Value};

#[derive(Debug)]
#[expect(clippy::struct_excessive_bools, reason = "the options of Node-RED's library")]
pub(crate) struct Options<'a> {
    /// The options as they are in the message.
    pub(crate) given: &'a Map,
    /// The property of the attributes.
    pub(crate) attributes: Key,
    /// The property of the text.
    pub(crate) text: Key,
    /// The property of the children.
    pub(crate) children: Key,
    /// Text is a property, even if an element has nothing else.
    pub(crate) explicit_text: bool,
    pub(crate) trim: bool,
    pub(crate) normalize: bool,
    pub(crate) lower_case_tags: bool,
    /// Children are arrays, even if there is one of a name.
    pub(crate) explicit_array: bool,
    pub(crate) ignore_attributes: bool,
    /// Attributes become properties like children.
    pub(crate) merge_attributes: bool,
    /// The root element is a property of the result.
    pub(crate) explicit_root: bool,
    pub(crate) namespaces: bool,
    /// The children have a property of their own.
    pub(crate) explicit_children: bool,
    pub(crate) keep_order: bool,
    /// Text is a child.
    pub(crate) text_as_child: bool,
    pub(crate) keep_blanks: bool,
    pub(crate) strict: bool,
    /// The value of an empty element, if it is not its blanks.
    pub(crate) empty: Option<Value>,
}

impl<'a> Options<'a> {
    pub(crate) fn new(given: &'a Map) -> Self {
        let flag =
            |name: &str, default: bool| given.get_own(name).map_or(default, Value::is_truthy);
        let key = |name: &str, default: &str| match given.get(name) {
            Some(value) => Key::from(javascript::text(Some(value))),
            None => Key::from(default),
        };
        let empty = given.get("emptyTag").filter(|value| **value != Value::from("")).cloned();
        Options {
            given,
            attributes: key("attrkey", "$"),
            text: key("charkey", "_"),
            children: key("childkey", "$$"),
            explicit_text: flag("explicitCharkey", false),
            trim: flag("trim", false),
            normalize: flag("normalize", false),
            lower_case_tags: flag("normalizeTags", false),
            explicit_array: flag("explicitArray", true),
            ignore_attributes: flag("ignoreAttrs", false),
            merge_attributes: flag("mergeAttrs", false),
            explicit_root: flag("explicitRoot", true),
            namespaces: flag("xmlns", false),
            explicit_children: flag("explicitChildren", false),
            keep_order: flag("preserveChildrenOrder", false),
            text_as_child: flag("charsAsChildren", false),
            keep_blanks: flag("includeWhiteChars", false),
            strict: flag("strict", true),
            empty,
        }
    }

    /// Both children and their order are kept.
    pub(crate) fn lists_children(&self) -> bool {
        self.explicit_children && self.keep_order
    }
}
