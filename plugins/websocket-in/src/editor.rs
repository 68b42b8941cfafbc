//! The additions to Node-RED's dialog of `websocket in`.

use ferrowire::{Editor, EditorPart};

/// The editor's part.
pub(crate) const EDITOR: Editor = Editor::Extended {
    base: "network/22-websocket",
    part: &EditorPart::new("in", include_str!("editor/in.html"))
        .help(ferrowire::help_files!("de", "ja", "zh-CN"))
        .catalogs(ferrowire::text_files!("en-US", "de", "ja", "zh-CN")),
};
