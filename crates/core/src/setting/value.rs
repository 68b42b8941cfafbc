//! The values of settings, as stored and as typed for the code.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use super::{Setting, SettingRecord};

/// The value of a setting. `Debug` does not print it, since it may be a secret.
#[derive(Clone, PartialEq, Eq)]
pub enum SettingValue {
    /// An integer, a number of bytes, nanoseconds, or a boolean as 0 or 1.
    Number(u64),
    /// A text, path, choice or secret.
    Text(String),
    /// A list of texts or paths.
    List(Vec<String>),
}

impl fmt::Debug for SettingValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            SettingValue::Number(_) => "Number",
            SettingValue::Text(_) => "Text",
            SettingValue::List(_) => "List",
        })
    }
}

/// A text that `Debug` does not print.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// The text.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

mod sealed {
    pub trait Sealed {}
}

/// A type that settings are read as; implemented for those that [`Setting`] creates.
pub trait SettingType: sealed::Sealed {
    /// The value as this type. A value of another type, which a checked setting never has, becomes
    /// empty.
    #[doc(hidden)]
    fn of(value: Option<SettingValue>) -> Self;
}

macro_rules! setting_types {
    ($($type:ty: $pattern:pat => $read:expr;)+) => {
        $(
            impl sealed::Sealed for $type {}

            impl SettingType for $type {
                fn of(value: Option<SettingValue>) -> Self {
                    match value {
                        $pattern => $read,
                        _ => <$type>::default(),
                    }
                }
            }
        )+
    };
}

setting_types! {
    usize: Some(SettingValue::Number(number)) => usize::try_from(number).unwrap_or(usize::MAX);
    bool: Some(SettingValue::Number(number)) => number != 0;
    Duration: Some(SettingValue::Number(nanoseconds)) => Duration::from_nanos(nanoseconds);
    String: Some(SettingValue::Text(text)) => text;
    PathBuf: Some(SettingValue::Text(text)) => text.into();
    Secret: Some(SettingValue::Text(text)) => Secret(text);
    Vec<String>: Some(SettingValue::List(list)) => list;
    Vec<PathBuf>: Some(SettingValue::List(list)) => list.into_iter().map(PathBuf::from).collect();
}

impl sealed::Sealed for () {}

impl SettingType for () {
    fn of(_: Option<SettingValue>) -> Self {}
}

impl<T: SettingType> sealed::Sealed for Option<T> {}

impl<T: SettingType> SettingType for Option<T> {
    fn of(value: Option<SettingValue>) -> Self {
        value.map(|value| T::of(Some(value)))
    }
}

/// Splits `text` at the separators of `PATH`; `None` if a part is empty.
pub(super) fn paths(text: &str) -> Option<Vec<String>> {
    let parts: Vec<PathBuf> = std::env::split_paths(text).collect();
    let is_whole = parts.iter().all(|part| !part.as_os_str().is_empty());
    is_whole.then(|| parts.iter().map(|part| part.to_string_lossy().into_owned()).collect())
}

/// The configured values of settings, by name.
#[derive(Clone, Debug, Default)]
pub struct SettingValues {
    values: BTreeMap<&'static str, SettingValue>,
}

impl SettingValues {
    /// Sets the value of a setting.
    pub fn set(&mut self, record: &SettingRecord, value: SettingValue) {
        self.values.insert(record.name, value);
    }

    /// The value of `setting`, or its default.
    pub fn get<T: SettingType>(&self, setting: &Setting<T>) -> T {
        setting.read(self.find(setting.record().name))
    }

    /// The configured value of the setting `name`.
    pub fn find(&self, name: &str) -> Option<SettingValue> {
        self.values.get(name).cloned()
    }
}
