//! Files of reasons for cases that pass on Node-RED or JSONata but fail here.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result};

use crate::cargo;

/// The reason for each key of a case, by test file or group.
#[derive(Debug, Default)]
pub(crate) struct Reasons(BTreeMap<String, BTreeMap<String, String>>);

impl Reasons {
    /// Reads a file of the repository.
    pub(crate) fn read(file: &str) -> Result<Self> {
        let text = fs::read_to_string(cargo::root().join(file))
            .with_context(|| format!("could not read `{file}`"))?;
        Self::parse(&text).with_context(|| format!("invalid `{file}`"))
    }

    fn parse(text: &str) -> Result<Self> {
        Ok(Reasons(toml::from_str(text)?))
    }

    /// The reason for this failing case, if known.
    pub(crate) fn of(&self, spec: &str, key: &str) -> Option<&str> {
        self.0.get(spec)?.get(key).map(String::as_str)
    }

    /// Reasons for cases that do not fail.
    pub(crate) fn stale(
        &self,
        fails: impl Fn(&str, &str) -> bool,
    ) -> impl Iterator<Item = (&str, &str)> {
        let all = self
            .0
            .iter()
            .flat_map(|(spec, cases)| cases.keys().map(move |key| (spec.as_str(), key.as_str())));
        all.filter(move |(spec, key)| !fails(spec, key))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_found_by_file_and_key_and_is_stale_when_the_case_passes() -> Result<()> {
        let reasons = Reasons::parse("['a_spec.js']\nabc = 'no npm'\n'def~2' = 'gone'")?;
        assert_eq!(reasons.of("a_spec.js", "abc"), Some("no npm"));
        assert_eq!(reasons.of("b_spec.js", "abc"), None);
        let fails = |spec: &str, key: &str| spec == "a_spec.js" && key == "abc";
        assert_eq!(reasons.stale(fails).collect::<Vec<_>>(), [("a_spec.js", "def~2")]);
        assert!(Reasons::parse("['a_spec.js']\nabc = 5").is_err());
        Ok(())
    }
}
