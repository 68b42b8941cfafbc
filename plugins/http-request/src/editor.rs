//! The additions to Node-RED's dialog of `http request`.

use ferrowire::{Editor, EditorPart};

/// The editor's part of the type.
pub(crate) const EDITOR: Editor = Editor::Extended {
    base: "network/21-httprequest",
    part: &EditorPart::new("http-request", include_str!("editor/http_request.html"))
        .help(ferrowire::help_files!("de", "ja", "zh-CN"))
        .catalogs(ferrowire::text_files!("en-US", "de", "ja", "zh-CN")),
};
