//! `Editor`: how the editor shows a node type: its dialog, help, texts and icon.

/// Where the editor's part of a node type comes from.
#[derive(Clone, Copy, Debug)]
pub enum Editor {
    /// There is none: flows may hold such nodes, and the palette does not offer them.
    None,
    /// Node-RED's own, from its package of nodes: the path of the HTML file below `core` and
    /// without its ending, such as `common/20-inject`. Help, texts and icons come from there too.
    NodeRed(&'static str),
    /// The crate's own.
    Own(&'static EditorPart),
}

/// The editor's part of one or more node types of a crate.
#[derive(Clone, Copy, Debug)]
pub struct EditorPart {
    /// A name, unique in the crate. With the crate's name it is the namespace of the catalogs.
    pub name: &'static str,
    /// Form templates, the script that registers the types, and English help, as in Node-RED.
    pub html: &'static str,
    /// Help in other languages, such as `("fr", "<script data-help-name=…>…</script>")`.
    pub help: &'static [(&'static str, &'static str)],
    /// Texts by language, such as `("en-US", "{…}")`.
    pub catalogs: &'static [(&'static str, &'static str)],
    /// Icons that the HTML names, such as `("thermo.svg", include_bytes!("thermo.svg"))`.
    pub icons: &'static [(&'static str, &'static [u8])],
}

impl EditorPart {
    /// A part without further languages and icons.
    pub const fn new(name: &'static str, html: &'static str) -> Self {
        EditorPart { name, html, help: &[], catalogs: &[], icons: &[] }
    }

    /// Adds help in other languages.
    pub const fn help(mut self, help: &'static [(&'static str, &'static str)]) -> Self {
        self.help = help;
        self
    }

    /// Adds texts by language.
    pub const fn catalogs(mut self, catalogs: &'static [(&'static str, &'static str)]) -> Self {
        self.catalogs = catalogs;
        self
    }

    /// Adds icons.
    pub const fn icons(mut self, icons: &'static [(&'static str, &'static [u8])]) -> Self {
        self.icons = icons;
        self
    }
}

/// A property that is kept out of flow files, and whether the editor may see it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The editor shows it.
    Text(&'static str),
    /// The editor is told only whether it is set.
    Password(&'static str),
}

impl Credential {
    /// The property's name.
    pub const fn name(&self) -> &'static str {
        match self {
            Credential::Text(name) | Credential::Password(name) => name,
        }
    }
}
