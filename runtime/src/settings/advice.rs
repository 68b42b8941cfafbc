//! Advice about names that are not settings.

use ferrowire_core::{SettingRecord, SettingRegistry};

/// What to do about a name that is not a setting.
pub(super) fn advice(name: &str, registry: &SettingRegistry) -> String {
    let of_node_red = registry.iter().find(|record| record.node_red.key == name);
    match of_node_red.map(|record| record.name).or_else(|| nearest(name, registry)) {
        Some(name) => format!("did you mean `{name}`?"),
        None => "`ferrowire settings` lists all".to_owned(),
    }
}

/// Names that are less alike than this are not worth a suggestion.
const ALIKE: f64 = 0.8;

/// The setting whose name is most like `key`, which may also be a name of Node-RED's.
fn nearest<'a>(key: &str, registry: &'a SettingRegistry) -> Option<&'a str> {
    let key = key.to_lowercase().replace(['_', '-'], "");
    let alike = |record: &'a SettingRecord| {
        (strsim::jaro_winkler(&key, &record.name.replace('-', "")), record.name)
    };
    let best = registry.iter().map(alike).max_by(|a, b| a.0.total_cmp(&b.0))?;
    (best.0 >= ALIKE).then_some(best.1)
}
