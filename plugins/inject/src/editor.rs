//! The additions to Node-RED's dialog of `inject`.

use ferrowire::{Editor, EditorPart};

/// The editor's part of the type.
pub(crate) const EDITOR: Editor = Editor::Extended {
    base: "common/20-inject",
    part: &EditorPart::new("inject", include_str!("editor/inject.html"))
        .help(ferrowire::help_files!("de", "ja", "zh-CN"))
        .catalogs(ferrowire::text_files!("en-US", "de", "ja", "zh-CN")),
};
