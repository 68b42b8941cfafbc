//! `Given`: the settings file and the values of `-D`, which are read once.

use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use clap::ArgMatches;
use ferrowire_core::{SettingRecord, SettingRegistry};

use super::defines::Defines;
use super::sources::Sources;
use super::{flags, settings_js};

/// What files and `-D` say of settings.
pub(crate) struct Given {
    /// The settings file and its content.
    file: Option<(PathBuf, toml::Table)>,
    defines: Defines,
}

impl Given {
    /// Reads the file that `--settings` or its variable names. Mistakes in `-D` are reported with those
    /// of all settings.
    ///
    /// # Errors
    /// If the file cannot be read or is not TOML.
    pub(crate) fn read(
        arguments: &ArgMatches,
        registry: &SettingRegistry,
        env: &dyn Fn(&str) -> Option<String>,
    ) -> anyhow::Result<Self> {
        let named = arguments.try_get_one::<PathBuf>(flags::FILE).ok().flatten();
        let path = named.cloned().or_else(|| env(flags::FILE_VARIABLE).map(PathBuf::from));
        let file = match path {
            Some(path) => {
                let table = read_table(&path, registry)?;
                Some((path, table))
            }
            None => None,
        };
        Ok(Given { file, defines: Defines::read(flags::defines(arguments)) })
    }

    /// Where settings come from.
    pub(crate) fn sources<'a>(
        &'a self,
        flag: &'a dyn Fn(&SettingRecord) -> Option<String>,
        env: &'a dyn Fn(&str) -> Option<String>,
    ) -> Sources<'a> {
        Sources { flag, defines: &self.defines, env, file: self.file.as_ref() }
    }
}

fn read_table(path: &Path, registry: &SettingRegistry) -> anyhow::Result<toml::Table> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the settings file `{}`", path.display()))?;
    if settings_js::is_program(path) {
        bail!("{}", settings_js::refusal(path, &text, registry));
    }
    text.parse().with_context(|| format!("the settings file `{}` is not TOML", path.display()))
}
