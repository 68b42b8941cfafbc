//! The additions to Node-RED's dialogs of `websocket-listener` and `websocket-client`.

use ferrowire::{Editor, EditorPart};

/// Rows for the dialog of a type.
macro_rules! rows {
    ($node_type:literal, $file:literal) => {
        concat!(
            "<script type=\"text/html\" data-template-name=\"",
            $node_type,
            "\">\n",
            include_str!($file),
            "</script>\n"
        )
    };
}

/// One script of several files, after what all of them use.
macro_rules! script {
    ($($file:literal),+) => {
        concat!(
            "<script type=\"text/javascript\">\n(function () {\n",
            include_str!("editor/number.js"),
            $(include_str!($file),)+
            "})();\n</script>\n"
        )
    };
}

/// The help about compression in a language, which is the same for both types, but for broadcasts.
macro_rules! compression_help {
    ($language:literal) => {
        concat!(
            "<script type=\"text/html\" data-help-name=\"websocket-listener\">\n",
            include_str!(concat!("editor/compression/help.", $language, ".html")),
            "</script>\n<script type=\"text/html\" data-help-name=\"websocket-client\">\n",
            include_str!(concat!("editor/compression/help.", $language, ".html")),
            "</script>\n",
            include_str!(concat!("editor/compression/broadcasts.", $language, ".html")),
        )
    };
}

/// The rows, the scripts and the English help.
const HTML: &str = concat!(
    include_str!("editor/endpoints.html"),
    include_str!("editor/listener/access.html"),
    include_str!("editor/client/rows.html"),
    include_str!("editor/listener/alive.html"),
    include_str!("editor/listener/history.html"),
    script!("editor/listener/alive.js", "editor/listener/history.js"),
    include_str!("editor/listener/sessions.html"),
    rows!("websocket-listener", "editor/compression/rows.html"),
    rows!("websocket-client", "editor/compression/rows.html"),
    compression_help!("en-US"),
    script!("editor/compression/compression.js"),
);

/// The help in another language.
macro_rules! help {
    ($language:literal) => {
        concat!(
            include_str!(concat!("editor/help.", $language, ".html")),
            include_str!(concat!("editor/listener/access.", $language, ".html")),
            include_str!(concat!("editor/client/help.", $language, ".html")),
            include_str!(concat!("editor/listener/alive.", $language, ".html")),
            include_str!(concat!("editor/listener/history.", $language, ".html")),
            include_str!(concat!("editor/listener/sessions.", $language, ".html")),
            compression_help!($language),
        )
    };
}

/// The editor's part of both types.
pub(crate) const EDITOR: Editor = Editor::Extended {
    base: "network/22-websocket",
    part: &EditorPart::new("endpoints", HTML)
        .help(&[("de", help!("de")), ("ja", help!("ja")), ("zh-CN", help!("zh-CN"))])
        .catalogs(ferrowire::text_files!("en-US", "de", "ja", "zh-CN")),
};
