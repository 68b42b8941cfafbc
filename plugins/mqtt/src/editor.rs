//! The additions to Node-RED's dialog of `mqtt-broker`.

use ferrowire::{Editor, EditorPart};

/// The editor's part of all three types.
pub(crate) const EDITOR: Editor = Editor::Extended {
    base: "network/10-mqtt",
    part: &EditorPart::new("mqtt", include_str!("editor/broker.html"))
        .help(ferrowire::help_files!("de", "ja", "zh-CN"))
        .catalogs(ferrowire::text_files!("en-US", "de", "ja", "zh-CN")),
};
