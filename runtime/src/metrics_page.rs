//! The page of metrics: what a dashboard shows, drawn from `/metrics` while the page is open. It keeps what it has
//! seen itself, and requests nothing else.

use crate::page_parts::{self, Parts, Roots};

/// The scripts in the order in which they are to run, as one.
const SCRIPT: &str = concat!(
    include_str!("page_parts/dom.js"),
    "const LANGUAGES = {\nde: ",
    include_str!("metrics_page/texts/de.json"),
    ", ja: ",
    include_str!("metrics_page/texts/ja.json"),
    ", \"zh-CN\": ",
    include_str!("metrics_page/texts/zh-CN.json"),
    "};\n",
    include_str!("page_parts/texts.js"),
    include_str!("page_parts/login.js"),
    include_str!("metrics_page/read.js"),
    include_str!("metrics_page/past.js"),
    include_str!("metrics_page/panels.js"),
    include_str!("metrics_page/draw.js"),
    include_str!("metrics_page/begin.js"),
);

/// The page.
pub(crate) fn document(roots: Roots<'_>) -> String {
    let html = include_str!("metrics_page/page.html");
    let style = include_str!("metrics_page/style.css");
    page_parts::document(&Parts { html, style, script: SCRIPT }, roots)
}
