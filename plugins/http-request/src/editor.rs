//! The additions to Node-RED's dialog of `http request`.

use ferrowire::{Editor, EditorPart};

/// The editor's part of the type.
pub(crate) const EDITOR: Editor = Editor::Extended {
    base: "network/21-httprequest",
    part: &EditorPart::new("http-request", include_str!("editor/http_request.html"))
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
