//! JavaScript's regular expressions, matched by the program that runs the node
//! ([`ferrowire_core::language`]).
//!
//! Most are matched in linear time. Expressions with look-around or back-references are matched by
//! backtracking, with a limit on the number of steps.

use std::fmt;
use std::sync::Arc;

use ferrowire_core::language::{Groups, Pattern, languages};

/// A regular expression with JavaScript's semantics. Clones share it.
#[derive(Clone)]
pub struct RegExp {
    source: Arc<str>,
    pattern: Arc<dyn Pattern>,
}

/// One match of a [`RegExp`].
#[derive(Debug)]
pub struct Captures<'t> {
    text: &'t str,
    groups: Groups,
    regexp: &'t RegExp,
}

/// Compiles the JavaScript expression `source`.
///
/// # Errors
/// With the source, the reason and its position.
pub fn compile(source: &str) -> Result<RegExp, String> {
    compile_with(source, false)
}

/// Like [`compile`]; `ignore_case` is JavaScript's flag `i`.
///
/// # Errors
/// See [`compile`].
pub fn compile_with(source: &str, ignore_case: bool) -> Result<RegExp, String> {
    let pattern = languages()?.regexp(source, ignore_case)?;
    Ok(RegExp { source: source.into(), pattern })
}

impl RegExp {
    /// Whether there is a match in `text`.
    ///
    /// # Errors
    /// If matching takes too many steps.
    pub fn is_match(&self, text: &str) -> Result<bool, String> {
        self.pattern.is_match(text)
    }

    /// The first match that starts at or after byte `at` of `text`.
    ///
    /// # Errors
    /// If matching takes too many steps.
    pub fn captures_at<'t>(
        &'t self,
        text: &'t str,
        at: usize,
    ) -> Result<Option<Captures<'t>>, String> {
        let found = self.pattern.find_at(text, at)?;
        Ok(found.map(|groups| Captures { text, groups, regexp: self }))
    }

    /// Whether there are named groups.
    pub fn has_names(&self) -> bool {
        !self.pattern.names().is_empty()
    }
}

impl fmt::Debug for RegExp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("RegExp").field(&self.source).finish()
    }
}

impl<'t> Captures<'t> {
    /// The start and end of the whole match.
    pub fn range(&self) -> std::ops::Range<usize> {
        self.groups.first().cloned().flatten().unwrap_or_default()
    }

    /// The number of groups, including the whole match.
    pub fn count(&self) -> usize {
        self.groups.len()
    }

    /// The text of a group; `None` if it did not participate in the match.
    pub fn group(&self, number: usize) -> Option<&'t str> {
        self.text.get(self.groups.get(number)?.clone()?)
    }

    /// The text of a named group.
    pub fn named(&self, name: &str) -> Option<&'t str> {
        let names = self.regexp.pattern.names();
        let (_, number) = names.iter().find(|(known, _)| known == name)?;
        self.group(*number)
    }
}
