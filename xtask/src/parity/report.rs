//! `Report`: the results of the suite, as a table.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::reasons::Reasons;

/// The used parts of the suite's report.
#[derive(Debug, Deserialize)]
pub(super) struct Report {
    specs: Vec<Spec>,
}

/// A test file.
#[derive(Debug, Deserialize)]
struct Spec {
    spec: String,
    /// Why the file could not be run.
    fatal: Option<String>,
    #[serde(default)]
    missing: bool,
    #[serde(default)]
    tests: Vec<Case>,
}

#[derive(Debug, Deserialize)]
struct Case {
    key: String,
    verdict: Verdict,
    /// Whether a runtime that does nothing passes as well.
    #[serde(default)]
    idle: bool,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Verdict {
    Passed,
    Failed,
    /// The runtime lacks a setting that the case needs.
    Unsupported,
    /// It is not visible from outside.
    Excluded,
    Skipped,
}

impl Spec {
    fn counted(&self) -> impl Iterator<Item = &Case> {
        let counts = [Verdict::Passed, Verdict::Failed, Verdict::Unsupported];
        self.tests.iter().filter(move |case| counts.contains(&case.verdict))
    }

    fn failing(&self) -> impl Iterator<Item = &Case> {
        self.counted().filter(|case| case.verdict != Verdict::Passed)
    }

    fn problem(&self) -> Option<&str> {
        match &self.fatal {
            Some(fatal) if self.tests.is_empty() => fatal.lines().next(),
            _ if self.missing => Some("not in this clone of Node-RED"),
            _ => None,
        }
    }

    /// The numbers of passed cases, all cases, and cases that pass on a runtime that does nothing.
    fn numbers(&self) -> [usize; 3] {
        let total = self.counted().count();
        let passed = total - self.failing().count();
        let idle = self.counted().filter(|case| case.idle).count();
        [passed, total, idle]
    }
}

impl Report {
    /// Reads the suite's report.
    pub(super) fn read(path: &Path) -> Result<Self> {
        Self::parse(&fs::read_to_string(path)?)
    }

    pub(super) fn parse(text: &str) -> Result<Self> {
        serde_json::from_str(text).context("invalid report of the suite")
    }

    /// Whether this case failed.
    pub(super) fn fails(&self, spec: &str, key: &str) -> bool {
        let mut specs = self.specs.iter().filter(|it| it.spec == spec);
        specs.any(|spec| spec.failing().any(|case| case.key == key))
    }

    /// The number of failed cases without a reason; a file that could not be run counts as one.
    pub(super) fn unexplained(&self, reasons: &Reasons) -> usize {
        let of = |spec: &Spec| {
            let open = spec.failing().filter(|case| reasons.of(&spec.spec, &case.key).is_none());
            open.count() + usize::from(spec.problem().is_some())
        };
        self.specs.iter().map(of).sum()
    }

    /// A summary in one line.
    pub(super) fn summary(&self) -> String {
        let [passed, total, idle] = self.totals();
        format!(
            "{passed} of {total} cases pass; {idle} of them would on a runtime that does nothing"
        )
    }

    fn totals(&self) -> [usize; 3] {
        self.specs
            .iter()
            .map(Spec::numbers)
            .fold([0; 3], |all, one| [all[0] + one[0], all[1] + one[1], all[2] + one[2]])
    }

    /// The table, followed by every failed case with its reason.
    pub(super) fn markdown(&self, reasons: &Reasons) -> Result<String> {
        let mut text = String::from(HEAD);
        let specs = || {
            self.specs.iter().filter(|it| it.counted().next().is_some() || it.problem().is_some())
        };
        for spec in specs() {
            let [passed, total, idle] = spec.numbers();
            writeln!(text, "| `{}` | {passed} | {total} | {idle} |", spec.spec)?;
        }
        let [passed, total, idle] = self.totals();
        writeln!(text, "| **all** | **{passed}** | **{total}** | **{idle}** |")?;
        let failing =
            || specs().filter(|it| it.failing().next().is_some() || it.problem().is_some());
        if failing().next().is_some() {
            text.push_str("\n## What fails, and why\n");
        }
        for spec in failing() {
            writeln!(text, "\n### `{}`\n", spec.spec)?;
            if let Some(problem) = spec.problem() {
                writeln!(text, "The file could not be run: {problem}")?;
                continue;
            }
            text.push_str("| case | reason |\n|---|---|\n");
            for case in spec.failing() {
                let reason = reasons.of(&spec.spec, &case.key).unwrap_or("not yet");
                writeln!(text, "| `{}` | {reason} |", case.key)?;
            }
        }
        Ok(text)
    }
}

const HEAD: &str = "\
# Parity with Node-RED

Written by `cargo xtask parity`, which runs Node-RED's own tests of its nodes against Ferrowire, through
the admin API and real sockets. Counted are the cases that Node-RED 5.0.7 passes when it is tested in
this way; a few of them are passed by a runtime that does nothing as well. A case is named by the
suite's key for it.

| file of tests | passed | of | nothing passes |
|---|---|---|---|
";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_counts_what_counts_and_lists_what_fails() -> Result<()> {
        let report = Report::parse(
            r#"{"specs": [
                {"spec": "a_spec.js", "tests": [
                    {"key": "k1", "verdict": "passed", "idle": true},
                    {"key": "k2", "verdict": "failed"},
                    {"key": "k3", "verdict": "unsupported"},
                    {"key": "k4", "verdict": "excluded"}]},
                {"spec": "b_spec.js", "tests": [{"key": "k5", "verdict": "excluded"}]},
                {"spec": "c_spec.js", "fatal": "it broke\nat x", "tests": []}]}"#,
        )?;
        let reasons = Reasons::default();
        let text = report.markdown(&reasons)?;
        for line in [
            "| `a_spec.js` | 1 | 3 | 1 |",
            "| **all** | **1** | **3** | **1** |",
            "| `k2` | not yet |",
            "| `k3` | not yet |",
            "The file could not be run: it broke",
        ] {
            assert!(text.lines().any(|it| it == line), "no `{line}` in:\n{text}");
        }
        assert!(!text.contains("b_spec.js") && !text.contains("k4"), "{text}");
        assert_eq!(report.unexplained(&reasons), 3);
        Ok(())
    }
}
