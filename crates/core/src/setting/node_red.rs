//! `NodeRedNames`: what Node-RED calls a setting.

/// Node-RED's names for a setting, which are accepted beside its own. Empty where there is none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeRedNames {
    /// The key in `settings.js` and of `-D`, such as `httpNodeRoot`; with dots for a key of an
    /// object, such as `runtimeState.enabled`.
    pub key: &'static str,
    /// The flag without its dashes, such as `userDir`, where it differs from the setting's name.
    pub flag: &'static str,
    /// The letter of the short flag, such as `u`.
    pub short: Option<char>,
    /// The environment variable, such as `PORT`.
    pub variable: &'static str,
}

impl NodeRedNames {
    /// No names.
    pub const NONE: NodeRedNames = NodeRedNames { key: "", flag: "", short: None, variable: "" };

    /// A key of `settings.js`.
    pub const fn key(key: &'static str) -> Self {
        NodeRedNames { key, ..Self::NONE }
    }

    /// Adds a flag, without its dashes.
    pub const fn flag(mut self, flag: &'static str) -> Self {
        self.flag = flag;
        self
    }

    /// Adds a short flag.
    pub const fn short(mut self, letter: char) -> Self {
        self.short = Some(letter);
        self
    }

    /// Adds an environment variable.
    pub const fn variable(mut self, variable: &'static str) -> Self {
        self.variable = variable;
        self
    }
}
