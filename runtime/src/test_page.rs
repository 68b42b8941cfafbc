//! The WebSocket test page: one self-contained document without a framework, put together from its
//! parts. It requests nothing but `listeners`, `events` and the
//! sessions of listeners, and what is connected to.

use crate::page_parts::{self, Parts, Roots};

/// The scripts in the order in which they are to run, as one.
const SCRIPT: &str = concat!(
    include_str!("page_parts/dom.js"),
    include_str!("test_page/basics.js"),
    "const LANGUAGES = {\nde: ",
    include_str!("test_page/texts/de.json"),
    ", ja: ",
    include_str!("test_page/texts/ja.json"),
    ", \"zh-CN\": ",
    include_str!("test_page/texts/zh-CN.json"),
    "};\n",
    include_str!("page_parts/texts.js"),
    include_str!("test_page/format.js"),
    include_str!("test_page/log.js"),
    include_str!("test_page/socket.js"),
    include_str!("test_page/failure.js"),
    include_str!("test_page/token.js"),
    include_str!("test_page/connection.js"),
    include_str!("page_parts/login.js"),
    include_str!("test_page/listeners.js"),
    include_str!("test_page/sessions.js"),
    include_str!("test_page/sending.js"),
    include_str!("test_page/measure.js"),
    include_str!("test_page/replay.js"),
    include_str!("test_page/flow.js"),
    include_str!("test_page/begin.js"),
);

/// The page.
pub(crate) fn document(roots: Roots<'_>) -> String {
    let (html, style) = (include_str!("test_page/page.html"), include_str!("test_page/style.css"));
    page_parts::document(&Parts { html, style, script: SCRIPT }, roots)
}
