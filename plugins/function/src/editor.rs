//! The addition to Node-RED's dialog of `function`.

use ferrowire::{Editor, EditorPart};

/// The editor's part of the type.
pub(crate) const EDITOR: Editor = Editor::Extended {
    base: "function/10-function",
    part: &EditorPart::new("function", include_str!("editor/function.html"))
        .help(ferrowire::help_files!("de", "ja", "zh-CN"))
        .catalogs(ferrowire::text_files!("en-US", "de", "ja", "zh-CN")),
};
