//! The additions to Node-RED's dialogs of `websocket-listener` and `websocket-client`.

use ferrowire::{Editor, EditorPart};

/// The editor's part of both types.
pub(crate) const EDITOR: Editor = Editor::Extended {
    base: "network/22-websocket",
    part: &EditorPart::new("endpoints", include_str!("editor/endpoints.html"))
        .help(&[
            ("de", include_str!("editor/help.de.html")),
            ("ja", include_str!("editor/help.ja.html")),
            ("zh-CN", include_str!("editor/help.zh-CN.html")),
        ])
        .catalogs(&[
            ("en-US", include_str!("editor/texts.en-US.json")),
            ("de", include_str!("editor/texts.de.json")),
            ("ja", include_str!("editor/texts.ja.json")),
            ("zh-CN", include_str!("editor/texts.zh-CN.json")),
        ]),
};
