//! The registry of all settings that a program has.

use super::SettingRecord;

/// A setting that a linked crate declares, beside its records in the sections that can be read
/// without running code.
#[doc(hidden)]
#[derive(Debug)]
pub struct DeclaredSetting {
    /// The setting.
    pub setting: SettingRecord,
    /// Keeps the record and its entry in the index in the file: the linker drops what nothing
    /// refers to.
    pub records: [&'static [u8]; 2],
}

inventory::collect!(DeclaredSetting);

/// A setting that cannot be added to those that a program has.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RefusedSetting {
    /// Two crates declare it.
    #[error(
        "the setting `{setting}` is declared by both `{first}` and `{second}`; leave one of them out"
    )]
    Duplicate {
        /// The setting.
        setting: String,
        /// The crate that declared it first.
        first: String,
        /// The other crate.
        second: String,
    },
    /// The program has a flag of that name.
    #[error("the setting `{setting}` of `{plugin}` has the name of another flag; rename it")]
    Reserved {
        /// The setting.
        setting: String,
        /// The crate that declares it.
        plugin: String,
    },
}

/// All settings of a program, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub struct SettingRegistry {
    records: Vec<SettingRecord>,
    reserved: &'static [&'static str],
}

impl SettingRegistry {
    /// An empty registry.
    pub fn new() -> Self {
        SettingRegistry::default()
    }

    /// A registry that refuses settings with these names.
    pub fn reserving(names: &'static [&'static str]) -> Self {
        SettingRegistry { records: Vec::new(), reserved: names }
    }

    /// Adds all settings that linked crates declare, by name.
    ///
    /// # Errors
    /// When a name is there already, or reserved.
    pub fn add_linked(&mut self) -> Result<(), RefusedSetting> {
        let linked = inventory::iter::<DeclaredSetting>.into_iter();
        let mut records: Vec<SettingRecord> = linked.map(|declared| declared.setting).collect();
        records.sort_unstable_by_key(|record| (record.name, record.plugin));
        self.add_all(&records)
    }

    /// Adds a setting.
    ///
    /// # Errors
    /// When there is one of that name, or the name is reserved.
    pub fn add(&mut self, record: SettingRecord) -> Result<(), RefusedSetting> {
        if let Some(first) = self.get(record.name) {
            return Err(RefusedSetting::Duplicate {
                setting: record.name.to_owned(),
                first: first.plugin.to_owned(),
                second: record.plugin.to_owned(),
            });
        }
        if self.reserved.contains(&record.name) {
            return Err(RefusedSetting::Reserved {
                setting: record.name.to_owned(),
                plugin: record.plugin.to_owned(),
            });
        }
        self.records.push(record);
        Ok(())
    }

    /// Adds several settings, or none of them.
    ///
    /// # Errors
    /// When one of them cannot be added.
    pub fn add_all(&mut self, records: &[SettingRecord]) -> Result<(), RefusedSetting> {
        let before = self.records.len();
        let added = records.iter().try_for_each(|record| self.add(*record));
        if added.is_err() {
            self.records.truncate(before);
        }
        added
    }

    /// The setting `name`.
    pub fn get(&self, name: &str) -> Option<&SettingRecord> {
        self.records.iter().find(|record| record.name == name)
    }

    /// All settings.
    pub fn iter(&self) -> impl Iterator<Item = &SettingRecord> + Clone {
        self.records.iter()
    }
}
