//! The editor's part of `websocket control`.

use ferrowire::{Editor, EditorPart};

/// The editor's part.
pub(crate) const EDITOR: Editor = Editor::Own(
    &EditorPart::new("control", include_str!("editor/control.html"))
        .help(ferrowire::help_files!("de", "ja", "zh-CN"))
        .catalogs(ferrowire::text_files!("en-US", "de", "ja", "zh-CN")),
);
