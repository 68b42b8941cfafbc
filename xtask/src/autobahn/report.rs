//! The suite's report, and the table in the documentation.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use anyhow::{Context as _, Result};
use serde_json::Value;

use super::AGENT;
use crate::cargo;

/// The page, and what is around the table.
const PAGE: &str = "docs/websockets.md";
const START: &str = "<!-- cargo xtask autobahn -->\n";
const END: &str = "<!-- end -->\n";

/// The groups of cases.
const GROUPS: [(u32, &str); 11] = [
    (1, "frames"),
    (2, "pings and pongs"),
    (3, "reserved bits"),
    (4, "opcodes"),
    (5, "fragments"),
    (6, "UTF-8"),
    (7, "closing"),
    (9, "limits and speed"),
    (10, "automatic fragmentation"),
    (12, "compression: messages"),
    (13, "compression: parameters"),
];

/// What the suite found, by case.
pub(super) struct Report(BTreeMap<String, Outcome>);

/// The outcome of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Outcome {
    Passed,
    /// The suite only tells what happened, since the standard allows several answers.
    Informational,
    Failed,
}

impl Report {
    /// Reads the report in `folder`.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join("index.json");
        let text = fs::read_to_string(&path)
            .with_context(|| format!("the suite wrote no `{}`", path.display()))?;
        let report: Value = serde_json::from_str(&text)?;
        Self::of(&report).with_context(|| format!("`{}` has no results", path.display()))
    }

    fn of(report: &Value) -> Option<Self> {
        let cases = report[AGENT].as_object()?;
        Some(Report(cases.iter().map(|(case, found)| (case.clone(), outcome(found))).collect()))
    }

    /// The cases that failed.
    pub(super) fn failed(&self) -> impl Iterator<Item = &str> {
        let failed = self.0.iter().filter(|(_, outcome)| **outcome == Outcome::Failed);
        failed.map(|(case, _)| case.as_str())
    }

    /// Passed and all cases of a group, and how many of the passed are informational.
    fn count(&self, group: Option<u32>) -> (usize, usize, usize) {
        let outcomes = self.0.iter().filter(|(case, _)| {
            let of_case = case.split('.').next().and_then(|part| part.parse().ok());
            group.is_none() || of_case == group
        });
        outcomes.fold((0, 0, 0), |(passed, all, informational), (_, outcome)| {
            (
                passed + usize::from(*outcome != Outcome::Failed),
                all + 1,
                informational + usize::from(*outcome == Outcome::Informational),
            )
        })
    }
}

/// Both the messages and the closing must be right.
fn outcome(found: &Value) -> Outcome {
    let [behavior, closing] = ["behavior", "behaviorClose"].map(|key| found[key].as_str());
    match (behavior, closing) {
        (Some("INFORMATIONAL"), Some("OK" | "INFORMATIONAL"))
        | (Some("OK"), Some("INFORMATIONAL")) => Outcome::Informational,
        (Some("OK"), Some("OK")) => Outcome::Passed,
        _ => Outcome::Failed,
    }
}

/// The table of both sides.
pub(super) fn table(server: Option<&Report>, client: Option<&Report>) -> String {
    let mut text = String::from("| group | as server | as client |\n|---|---|---|\n");
    let mut row = |name: &str, group: Option<u32>| {
        let cell = |report: Option<&Report>| match report.map(|report| report.count(group)) {
            None | Some((_, 0, _)) => "–".to_owned(),
            Some((passed, all, 0)) => format!("{passed} of {all}"),
            Some((passed, all, told)) => format!("{passed} of {all}, {told} informational"),
        };
        text.push_str(&format!("| {name} | {} | {} |\n", cell(server), cell(client)));
    };
    for (group, name) in GROUPS {
        row(&format!("{group} {name}"), Some(group));
    }
    row("all", None);
    text
}

/// Replaces the table in the documentation.
pub(super) fn write(table: &str) -> Result<()> {
    let path = cargo::root().join(PAGE);
    let page = fs::read_to_string(&path).with_context(|| format!("could not read `{PAGE}`"))?;
    let replaced =
        replaced(&page, table).with_context(|| format!("`{PAGE}` has no place for it"))?;
    fs::write(&path, replaced).with_context(|| format!("could not write `{PAGE}`"))
}

fn replaced(page: &str, table: &str) -> Option<String> {
    let (before, rest) = page.split_once(START)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{START}\n{table}\n{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn report() -> Report {
        let ok = json!({"behavior": "OK", "behaviorClose": "OK"});
        Report::of(&json!({AGENT: {
            "1.1.1": ok, "1.1.2": {"behavior": "OK", "behaviorClose": "FAILED"},
            "7.1.6": {"behavior": "INFORMATIONAL", "behaviorClose": "INFORMATIONAL"},
            "13.1.1": {"behavior": "UNIMPLEMENTED", "behaviorClose": "OK"},
            "12.1.1": {"behavior": "NON-STRICT", "behaviorClose": "OK"},
        }}))
        .unwrap()
    }

    #[test]
    fn a_case_passes_if_its_messages_and_its_closing_are_right() {
        assert_eq!(report().failed().collect::<Vec<_>>(), ["1.1.2", "12.1.1", "13.1.1"]);
        assert_eq!(report().count(None), (2, 5, 1));
        assert_eq!(report().count(Some(1)), (1, 2, 0));
    }

    #[test]
    fn the_table_has_a_row_for_each_group_and_replaces_the_old_one() {
        let table = table(Some(&report()), None);
        assert!(table.contains("| 1 frames | 1 of 2 | – |\n"), "{table}");
        assert!(table.contains("| all | 2 of 5, 1 informational | – |\n"), "{table}");
        let page = format!("a\n{START}old\n{END}b\n");
        assert_eq!(replaced(&page, "new\n"), Some(format!("a\n{START}\nnew\n\n{END}b\n")));
        assert_eq!(replaced("a\n", "new\n"), None);
    }
}
