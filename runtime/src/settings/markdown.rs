//! `docs/settings.md`: the documentation of all settings, made from the records.

use ferrowire_core::{SettingKind, SettingRecord, SettingRegistry};

use super::examples;

/// The page.
pub(super) fn document(registry: &SettingRegistry) -> String {
    let mut groups: Vec<&str> = Vec::new();
    for record in registry.iter() {
        if !groups.contains(&record.group) {
            groups.push(record.group);
        }
    }
    let mut page = include_str!("introduction.md").to_owned();
    for group in groups {
        page.push_str(&format!("\n## {group}\n\n{HEADER}"));
        let of_group = registry.iter().filter(|record| record.group == group);
        of_group.for_each(|record| page.push_str(&row(record)));
    }
    page + "\n" + examples::TABLES
}

const HEADER: &str = "| setting | value | default | meaning |\n|---|---|---|---|\n";

fn row(record: &SettingRecord) -> String {
    let default = match record.default {
        Some(default) => format!("`{default}`"),
        None => record.otherwise.to_owned(),
    };
    let (value, help) = (value(record), record.help);
    let others = standard(record) + &node_red(record);
    format!("| {} | {value} | {default} | {help}{others} |\n", flags(record))
}

/// The name, and the other flags of the setting.
fn flags(record: &SettingRecord) -> String {
    let mut names = format!("`{}`", record.name);
    if let Some(letter) = record.node_red.short {
        names.push_str(&format!(", `-{letter}`"));
    }
    match record.node_red.flag {
        "" => names,
        flag => format!("{names}, `--{flag}`"),
    }
}

/// The variable of a standard.
fn standard(record: &SettingRecord) -> String {
    match record.standard_variable {
        "" => String::new(),
        name => format!("; also the variable `{name}`"),
    }
}

/// What Node-RED calls it.
fn node_red(record: &SettingRecord) -> String {
    let names = [record.node_red.key, record.node_red.variable];
    let names = names.iter().filter(|name| !name.is_empty());
    match names.map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ") {
        names if names.is_empty() => String::new(),
        names => format!("; Node-RED's {names}"),
    }
}

fn value(record: &SettingRecord) -> String {
    let kind = match record.kind {
        SettingKind::Text => "text",
        SettingKind::Integer => "integer",
        SettingKind::Bytes => "bytes",
        SettingKind::Seconds => "seconds",
        SettingKind::Boolean if record.value_name.is_empty() => "switch",
        SettingKind::Boolean => "`true` or `false`",
        SettingKind::Path => "path",
        SettingKind::Choice => return format!("`{}`", record.choices.join("`, `")),
        SettingKind::List => "list",
        SettingKind::Paths => "paths",
        SettingKind::Secret => "secret",
        SettingKind::Table => "table",
    };
    format!("{kind} {}", record.bounds()).trim_end().to_owned()
}
