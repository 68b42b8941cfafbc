//! Examples of settings that are hard to guess, from the documentation.

/// The documentation of the tables of the settings file.
pub(super) const TABLES: &str = include_str!("tables.md");

/// The examples of the settings that mistakes name, to be printed after them.
pub(crate) fn for_mistakes(mistakes: &str) -> String {
    let named = all().filter(|(name, _)| mistakes.contains(&format!("`{name}`")));
    let blocks = named.map(|(name, example)| {
        let lines: String = example.lines().map(|line| format!("\n    {line}")).collect();
        format!("\n\nAn example of `{name}` in the file that `--settings` names:\n{lines}")
    });
    blocks.collect()
}

/// The names of the settings with an example, and the examples: the first block of each section.
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    TABLES.split("\n## ").skip(1).filter_map(|section| {
        let (title, text) = section.split_once('\n')?;
        let name = title.split('`').nth(1)?;
        let example = text.split("```toml\n").nth(1)?.split("\n```").next()?;
        Some((name, example))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::table;
    use ferrowire_core::SettingKind;

    #[test]
    fn every_table_has_a_short_example() {
        for record in table::ALL.iter().filter(|record| record.kind == SettingKind::Table) {
            let example = all().find(|(name, _)| *name == record.name);
            let example = example.map(|(_, example)| example).unwrap_or_default();
            assert!((1..=10).contains(&example.lines().count()), "{}: {example}", record.name);
        }
    }
}
