//! `settings!` and the registry of all settings of a program.

use super::SettingRecord;

/// A setting that a linked crate declares.
#[doc(hidden)]
#[derive(Debug)]
pub struct DeclaredSetting(pub SettingRecord);

inventory::collect!(DeclaredSetting);

/// Declares settings of the calling crate. Each becomes a constant, and a flag, an environment
/// variable and a key of the settings file of each runtime that links the crate.
///
/// All values are checked when the runtime starts, before any node is built; flows cannot override
/// them. Settings are available to a node from `start` on, but not in `FromConfig`.
///
/// ```
/// use std::time::Duration;
///
/// use ferrowire_core::{NodeContext, Setting, settings};
///
/// settings! {
///     /// How long a measurement may take.
///     pub(crate) TIMEOUT: Duration = Setting::seconds("thermometer-timeout")
///         .default("2.5")
///         .help("Seconds for a measurement");
///     /// Where the device is, if not at the usual place.
///     pub(crate) DEVICE: Option<String> = Setting::text("thermometer-device")
///         .otherwise("the first one found")
///         .help("Address of the thermometer");
/// }
///
/// fn timeout(cx: &NodeContext) -> Duration {
///     cx.setting(&TIMEOUT)
/// }
/// ```
///
/// An invalid default does not compile:
///
/// ```compile_fail
/// # use ferrowire_core::{Setting, settings};
/// settings! {
///     LIMIT: usize = Setting::integer("limit").between("1", "10").default("11").help("A limit");
/// }
/// ```
#[macro_export]
macro_rules! settings {
    ($($(#[$attribute:meta])* $visibility:vis $name:ident: $type:ty = $setting:expr;)+) => {
        $(
            $(#[$attribute])*
            $visibility const $name: $crate::Setting<$type> = $crate::Setting::declared_by(
                $setting,
                env!("CARGO_PKG_NAME"),
                env!("CARGO_PKG_VERSION"),
            );
            $crate::__inventory::submit! { $crate::__DeclaredSetting(*$name.record()) }
        )+
    };
}

/// Two crates declare the same setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the setting `{setting}` is declared by both `{first}` and `{second}`; leave one of them out"
)]
pub struct DuplicateSetting {
    /// The setting.
    pub setting: String,
    /// The crate that declared it first.
    pub first: String,
    /// The other crate.
    pub second: String,
}

/// All settings of a program, in the order in which they were added.
#[derive(Clone, Debug, Default)]
pub struct SettingRegistry {
    records: Vec<SettingRecord>,
}

impl SettingRegistry {
    /// An empty registry.
    pub fn new() -> Self {
        SettingRegistry::default()
    }

    /// Adds all settings of linked crates, by name.
    ///
    /// # Errors
    /// If a name already exists.
    pub fn add_linked(&mut self) -> Result<(), DuplicateSetting> {
        let linked = inventory::iter::<DeclaredSetting>.into_iter();
        let mut records: Vec<SettingRecord> = linked.map(|declared| declared.0).collect();
        records.sort_unstable_by_key(|record| (record.name, record.plugin));
        records.into_iter().try_for_each(|record| self.add(record))
    }

    /// Adds a setting.
    ///
    /// # Errors
    /// If a setting of that name already exists.
    pub fn add(&mut self, record: SettingRecord) -> Result<(), DuplicateSetting> {
        if let Some(first) = self.get(record.name) {
            return Err(DuplicateSetting {
                setting: record.name.to_owned(),
                first: first.plugin.to_owned(),
                second: record.plugin.to_owned(),
            });
        }
        self.records.push(record);
        Ok(())
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
