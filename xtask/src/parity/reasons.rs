//! `parity-reasons.toml`: the reasons for cases that pass on Node-RED but fail here.

use std::collections::BTreeMap;
use std::fs;

use anyhow::{Context as _, Result};

use super::report::Report;
use crate::cargo;

/// The path of the file.
const FILE: &str = "xtask/parity-reasons.toml";

/// The reason for each key of a case, by test file.
#[derive(Debug, Default)]
pub(super) struct Reasons(BTreeMap<String, BTreeMap<String, String>>);

impl Reasons {
    /// Reads the file.
    pub(super) fn read() -> Result<Self> {
        let text = fs::read_to_string(cargo::root().join(FILE))
            .with_context(|| format!("could not read `{FILE}`"))?;
        Self::parse(&text)
    }

    fn parse(text: &str) -> Result<Self> {
        toml::from_str(text).map(Reasons).with_context(|| format!("invalid `{FILE}`"))
    }

    /// The reason for this failing case, if known.
    pub(super) fn of(&self, spec: &str, key: &str) -> Option<&str> {
        self.0.get(spec)?.get(key).map(String::as_str)
    }

    /// Reasons for cases in the report that do not fail.
    pub(super) fn stale<'a>(
        &'a self,
        report: &'a Report,
    ) -> impl Iterator<Item = (&'a str, &'a str)> {
        let all = self
            .0
            .iter()
            .flat_map(|(spec, cases)| cases.keys().map(move |key| (spec.as_str(), key.as_str())));
        all.filter(|(spec, key)| !report.fails(spec, key))
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
        let report = Report::parse(
            r#"{"specs": [{"spec": "a_spec.js", "tests": [
                {"key": "abc", "verdict": "failed"}, {"key": "def~2", "verdict": "passed"}]}]}"#,
        )?;
        assert_eq!(reasons.stale(&report).collect::<Vec<_>>(), [("a_spec.js", "def~2")]);
        assert!(Reasons::parse("['a_spec.js']\nabc = 5").is_err());
        Ok(())
    }
}
