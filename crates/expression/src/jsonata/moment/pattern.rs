//! `Pattern`: a regular expression that stands in the source, compiled when it is first used.

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

    /// Where the first match begins and ends.
    pub(super) fn find(&self, text: &str) -> Option<(usize, usize)> {
        self.compiled()?.find(text).map(|found| (found.start(), found.end()))
    }
}
