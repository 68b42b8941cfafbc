//! `Pattern`: a constant regular expression, compiled on first use.

use std::sync::OnceLock;

use regex::{Captures, Regex};

pub(super) struct Pattern {
    source: &'static str,
    compiled: OnceLock<Option<Regex>>,
}

impl Pattern {
    pub(super) const fn new(source: &'static str) -> Self {
        Pattern { source, compiled: OnceLock::new() }
    }

    fn compiled(&self) -> Option<&Regex> {
        self.compiled.get_or_init(|| Regex::new(self.source).ok()).as_ref()
    }

    pub(super) fn captures<'a>(&self, text: &'a str) -> Option<Captures<'a>> {
        self.compiled()?.captures(text)
    }

    /// The start and end of the first match.
    pub(super) fn find(&self, text: &str) -> Option<(usize, usize)> {
        self.compiled()?.find(text).map(|found| (found.start(), found.end()))
    }
}
