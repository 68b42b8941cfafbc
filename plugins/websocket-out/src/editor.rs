//! The additions to Node-RED's dialog of `websocket out`.

use ferrowire::{Editor, EditorPart};

/// The editor's part.
pub(crate) const EDITOR: Editor = Editor::Extended {
    base: "network/22-websocket",
    part: &EditorPart::new("out", include_str!("editor/out.html"))
        .help(ferrowire::help_files!("de", "ja", "zh-CN"))
        .catalogs(ferrowire::text_files!("en-US", "de", "ja", "zh-CN")),
};
