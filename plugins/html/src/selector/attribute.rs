//! `AttributeTest`: what an attribute has to be.

use crate::document::Element;

#[derive(Debug)]
pub(super) struct AttributeTest {
    pub(super) name: String,
    pub(super) operator: Operator,
    /// In lower case if case does not matter.
    pub(super) value: String,
    pub(super) any_case: bool,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operator {
    Exists,
    Equals,
    /// `!=`: it is something else, or missing.
    Not,
    /// `~=`: one of its words.
    Word,
    /// `|=`: its beginning, before a hyphen.
    Hyphen,
    Start,
    End,
    Any,
}

/// Attributes of HTML whose values have no case.
const ANY_CASE: [&str; 46] = [
    "accept",
    "accept-charset",
    "align",
    "alink",
    "axis",
    "bgcolor",
    "charset",
    "checked",
    "clear",
    "codetype",
    "color",
    "compact",
    "declare",
    "defer",
    "dir",
    "direction",
    "disabled",
    "enctype",
    "face",
    "frame",
    "hreflang",
    "http-equiv",
    "lang",
    "language",
    "link",
    "media",
    "method",
    "multiple",
    "nohref",
    "noresize",
    "noshade",
    "nowrap",
    "readonly",
    "rel",
    "rev",
    "rules",
    "scope",
    "scrolling",
    "selected",
    "shape",
    "target",
    "text",
    "type",
    "valign",
    "valuetype",
    "vlink",
];

impl AttributeTest {
    /// `any_case`: `None` if the selector does not say whether case matters.
    pub(super) fn new(
        name: &str,
        operator: Operator,
        value: String,
        any_case: Option<bool>,
    ) -> Self {
        let name = name.to_lowercase();
        let any_case = any_case.unwrap_or_else(|| ANY_CASE.contains(&name.as_str()));
        let value = if any_case { value.to_lowercase() } else { value };
        AttributeTest { name, operator, value, any_case }
    }

    pub(super) fn matches(&self, element: &Element) -> bool {
        let Some(own) = element.attribute(&self.name) else {
            return self.operator == Operator::Not && !self.value.is_empty();
        };
        if self.any_case { self.is(&own.to_lowercase()) } else { self.is(own) }
    }

    fn is(&self, own: &str) -> bool {
        let value = self.value.as_str();
        match self.operator {
            Operator::Exists => true,
            Operator::Equals => own == value,
            Operator::Not => own != value,
            Operator::Word => own.split_whitespace().any(|word| word == value),
            Operator::Hyphen => {
                own.strip_prefix(value).is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
            }
            _ if value.is_empty() => false,
            Operator::Start => own.starts_with(value),
            Operator::End => own.ends_with(value),
            Operator::Any => own.contains(value),
        }
    }
}
