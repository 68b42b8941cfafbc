//! `Namespaces`: the prefixes that are declared where the scanner is.

use std::collections::HashMap;

use ferrowire::NodeError;

use super::{Scanner, Tag};

const XML: &str = "http://www.w3.org/XML/1998/namespace";
const XMLNS: &str = "http://www.w3.org/2000/xmlns/";

/// A name with its namespace.
#[derive(Debug)]
pub(crate) struct Namespace {
    pub(crate) prefix: String,
    pub(crate) local: String,
    /// Empty if there is none.
    pub(crate) uri: String,
}

#[derive(Default)]
pub(super) struct Namespaces {
    /// The addresses of each prefix, the innermost last.
    bound: HashMap<String, Vec<String>>,
    /// The prefixes that each open element declares.
    declared: Vec<Vec<String>>,
}

impl Namespaces {
    /// Finds the namespaces of an element and its attributes.
    ///
    /// # Errors
    /// In the strict mode, if a prefix is not declared, or a reserved one is.
    pub(super) fn enter(&mut self, tag: &mut Tag, scanner: &Scanner<'_>) -> Result<(), NodeError> {
        self.declared.push(Vec::new());
        for attribute in &tag.attributes {
            if let ("xmlns", local) = split(&attribute.name, true) {
                self.declare(local, &attribute.value, scanner)?;
            }
        }
        tag.namespace = Some(self.resolve(&tag.name, false, scanner)?);
        for attribute in &mut tag.attributes {
            attribute.namespace = Some(self.resolve(&attribute.name, true, scanner)?);
        }
        Ok(())
    }

    pub(super) fn leave(&mut self) {
        for prefix in self.declared.pop().unwrap_or_default() {
            if let Some(addresses) = self.bound.get_mut(&prefix) {
                addresses.pop();
            }
        }
    }

    fn declare(
        &mut self,
        prefix: &str,
        address: &str,
        scanner: &Scanner<'_>,
    ) -> Result<(), NodeError> {
        let reserved = [("xml", XML), ("xmlns", XMLNS)];
        if let Some((_, own)) = reserved.iter().find(|(name, _)| *name == prefix)
            && address != *own
        {
            let text = format!("{prefix}: prefix must be bound to {own}\nActual: {address}");
            return scanner.complain(&text);
        }
        self.bound.entry(prefix.to_owned()).or_default().push(address.to_owned());
        if let Some(declared) = self.declared.last_mut() {
            declared.push(prefix.to_owned());
        }
        Ok(())
    }

    fn resolve(
        &self,
        name: &str,
        is_attribute: bool,
        scanner: &Scanner<'_>,
    ) -> Result<Namespace, NodeError> {
        let (prefix, local) = split(name, is_attribute);
        let mut uri = match prefix {
            "" if is_attribute => "",
            prefix => self.address(prefix),
        };
        if !prefix.is_empty() && uri.is_empty() {
            let shown = if is_attribute { prefix } else { name };
            scanner.complain(&format!("Unbound namespace prefix: \"{shown}\""))?;
            uri = prefix;
        }
        Ok(Namespace { prefix: prefix.to_owned(), local: local.to_owned(), uri: uri.to_owned() })
    }

    fn address(&self, prefix: &str) -> &str {
        let bound = self.bound.get(prefix).and_then(|addresses| addresses.last());
        match (bound, prefix) {
            (Some(address), _) => address,
            (None, "xml") => XML,
            (None, "xmlns") => XMLNS,
            _ => "",
        }
    }
}

/// The prefix and the local name.
fn split(name: &str, is_attribute: bool) -> (&str, &str) {
    if is_attribute && name == "xmlns" {
        return ("xmlns", "");
    }
    let mut parts = name.split(':');
    match (parts.next(), parts.next()) {
        (Some(prefix), Some(local)) => (prefix, local),
        _ => ("", name),
    }
}
