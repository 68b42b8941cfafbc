//! `Editor`: a node type's part of the editor: dialog, help, texts and icon.

/// The source of a node type's editor part.
#[derive(Clone, Copy, Debug)]
pub enum Editor {
    /// None: flows may contain such nodes, but the palette does not offer them.
    None,
    /// Node-RED's own, from `@node-red/nodes`: the path of the HTML file below `core` without its
    /// extension, such as `common/20-inject`. Help, texts and icons come from there too.
    NodeRed(&'static str),
    /// Node-RED's own with additions, for properties that Node-RED's dialog lacks. The editor saves
    /// only properties that a definition names; without this, a property set by hand is lost when
    /// the flow is deployed from the editor.
    Extended {
        /// The path of Node-RED's HTML file, as in [`Editor::NodeRed`].
        base: &'static str,
        /// The additions. Types of a crate with the same base may share it.
        part: &'static EditorPart,
    },
    /// The crate's own.
    Own(&'static EditorPart),
}

impl Editor {
    /// The path of Node-RED's HTML file that the type uses.
    pub const fn node_red(&self) -> Option<&'static str> {
        match self {
            Editor::NodeRed(path) | Editor::Extended { base: path, .. } => Some(path),
            Editor::None | Editor::Own(_) => None,
        }
    }

    /// What the crate itself provides for the editor.
    pub const fn part(&self) -> Option<&'static EditorPart> {
        match self {
            Editor::Own(part) | Editor::Extended { part, .. } => Some(part),
            Editor::None | Editor::NodeRed(_) => None,
        }
    }
}

/// A crate's editor files: for one or more complete node types ([`Editor::Own`]), or additions to
/// Node-RED's types ([`Editor::Extended`]).
///
/// # Additions
/// In the HTML of an extended type, the rows of a form template are appended to Node-RED's form and
/// the help to Node-RED's help. The script calls `RED.nodes.extendType` instead of
/// `RED.nodes.registerType`, while it is loaded:
///
/// ```html
/// <script type="text/html" data-template-name="inject">
///   <div class="form-row">
///     <label for="node-input-jitter" data-i18n="label.jitter"></label>
///     <input type="text" id="node-input-jitter">
///   </div>
/// </script>
/// <script type="text/javascript">
///   RED.nodes.extendType("inject", (text) => ({
///     defaults: { jitter: { value: "", label: text("label.jitter") } },
///     oneditprepare: function () { $("#node-input-jitter").focus(); },
///   }));
/// </script>
/// ```
///
/// The function returns any of these:
///
/// - `defaults` and `credentials`, which are added to Node-RED's. A property that Node-RED's
///   definition already has is not changed.
/// - `button`, for a type without one.
/// - `oneditprepare`, `oneditsave`, `oneditcancel`, `oneditdelete`, `oneditresize`, `onadd`,
///   `onpaletteadd` and `onpaletteremove`. They are called after Node-RED's with the same `this`
///   and arguments, even if Node-RED's throws.
///
/// Anything else is reported as a warning in the browser's console. A dialog adds a missing
/// property to a node only if its field was changed.
///
/// # Texts
/// `data-i18n` in rows and `text(key)` look up keys in the part's catalogs, or in another namespace
/// that the key names: `node-red:common.label.name`. The language is the editor's; missing texts
/// fall back to English.
///
/// # Static files
/// `resources` are served without a login below `resources/<crate>/`, relative to the editor's
/// page: scripts (`<script src="resources/my-crate/chart.js">` is loaded before the rest of the
/// HTML), style sheets and images of a dialog. For live data, add a route to the admin API.
#[derive(Clone, Copy, Debug)]
pub struct EditorPart {
    /// A name, unique in the crate. Crate name and name form the namespace of the catalogs.
    pub name: &'static str,
    /// Form templates, the script that registers the types, and English help, as in Node-RED.
    pub html: &'static str,
    /// Help in other languages, such as `("fr", "<script data-help-name=…>…</script>")`.
    pub help: &'static [(&'static str, &'static str)],
    /// Texts by language, such as `("en-US", "{…}")`.
    pub catalogs: &'static [(&'static str, &'static str)],
    /// Icons referenced by the HTML, such as `("thermo.svg", include_bytes!("thermo.svg"))`.
    pub icons: &'static [(&'static str, &'static [u8])],
    /// Static files by name, such as `("chart.js", include_bytes!("chart.js"))`. A name may contain
    /// folders: `lib/chart.js`. The media type follows from the extension.
    pub resources: &'static [(&'static str, &'static [u8])],
}

impl EditorPart {
    /// A part without further languages, icons or static files.
    pub const fn new(name: &'static str, html: &'static str) -> Self {
        EditorPart { name, html, help: &[], catalogs: &[], icons: &[], resources: &[] }
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

    /// Adds static files.
    pub const fn resources(mut self, files: &'static [(&'static str, &'static [u8])]) -> Self {
        self.resources = files;
        self
    }
}

/// A property that is not stored in flow files, and whether the editor may read it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Credential {
    /// The editor shows it.
    Text(&'static str),
    /// The editor only learns whether it is set.
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
