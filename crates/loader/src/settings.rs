//! The settings that a library declares, as records that the runtime checks and documents as its
//! own.

use ferrowire_abi::declaration::DeclaredSetting;
use ferrowire_core::{NodeRedNames, SettingKind, SettingRecord};

use crate::{Inspection, Reason};

impl Inspection {
    /// The settings that the library declares, by name. Their texts are never freed: a program
    /// inspects a library once, at its start.
    ///
    /// # Errors
    /// When one of them could not be used.
    pub fn settings(&self) -> Result<Vec<SettingRecord>, Reason> {
        self.declaration.settings.iter().map(record).collect()
    }
}

fn record(declared: &DeclaredSetting) -> Result<SettingRecord, Reason> {
    let invalid = |problem| Reason::InvalidSetting { setting: declared.name.clone(), problem };
    // A table is read by the runtime's own code.
    let kind = SettingKind::from_name(&declared.kind).filter(|kind| *kind != SettingKind::Table);
    let choices: Vec<&'static str> =
        declared.choices.iter().map(|choice| forever(choice)).collect();
    let record = SettingRecord {
        name: forever(&declared.name),
        kind: kind.ok_or_else(|| invalid("its kind is unknown"))?,
        value_name: forever(&declared.value_name),
        default: declared.default.as_deref().map(forever),
        otherwise: forever(&declared.otherwise),
        min: forever(&declared.min),
        max: forever(&declared.max),
        choices: choices.leak(),
        help: forever(&declared.help),
        group: forever(&declared.group),
        is_secret: declared.is_secret,
        node_red: NodeRedNames::NONE,
        standard_variable: "",
        plugin: forever(&declared.plugin),
        version: forever(&declared.version),
    };
    match record.problem() {
        None => Ok(record),
        Some(problem) => Err(invalid(problem)),
    }
}

fn forever(text: &str) -> &'static str {
    text.to_owned().leak()
}
