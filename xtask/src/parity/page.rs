//! `PARITY.md`: a part for Node-RED's tests, followed by one for JSONata's.

use std::fs;

use anyhow::{Context as _, Result};

use crate::cargo;

/// The file.
const PAGE: &str = "PARITY.md";

/// The heading of the second part.
pub(super) const JSONATA: &str = "## JSONata's test suite";

/// Replaces the parts that are given.
pub(super) fn write(nodes: Option<&str>, jsonata: Option<&str>) -> Result<()> {
    let path = cargo::root().join(PAGE);
    let old = fs::read_to_string(&path).with_context(|| format!("could not read `{PAGE}`"))?;
    fs::write(&path, replaced(&old, nodes, jsonata))
        .with_context(|| format!("could not write `{PAGE}`"))
}

fn replaced(page: &str, nodes: Option<&str>, jsonata: Option<&str>) -> String {
    let (old_nodes, old_jsonata) = page.split_at(page.find(JSONATA).unwrap_or(page.len()));
    let nodes = nodes.unwrap_or(old_nodes).trim_end();
    match jsonata.unwrap_or(old_jsonata).trim_end() {
        "" => format!("{nodes}\n"),
        jsonata => format!("{nodes}\n\n{jsonata}\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_part_is_replaced_without_the_other() {
        let page = "# Parity\n\nold\n";
        let both = replaced(page, None, Some("## JSONata's test suite\n\nnew\n"));
        assert_eq!(both, "# Parity\n\nold\n\n## JSONata's test suite\n\nnew\n");
        let nodes = replaced(&both, Some("# Parity\n\nnewer\n"), None);
        assert_eq!(nodes, "# Parity\n\nnewer\n\n## JSONata's test suite\n\nnew\n");
        assert_eq!(replaced(page, Some("# P"), None), "# P\n");
    }
}
