//! The WebSocket test page: one self-contained document without a framework, put together from its
//! parts. It requests nothing but `listeners`, `events` and the
//! sessions of listeners, and what is connected to.

/// The scripts in the order in which they are to run, as one.
const SCRIPT: &str = concat!(
    include_str!("test_page/basics.js"),
    "const LANGUAGES = {\nde: ",
    include_str!("test_page/texts/de.json"),
    ", ja: ",
    include_str!("test_page/texts/ja.json"),
    ", \"zh-CN\": ",
    include_str!("test_page/texts/zh-CN.json"),
    "};\n",
    include_str!("test_page/texts.js"),
    include_str!("test_page/format.js"),
    include_str!("test_page/log.js"),
    include_str!("test_page/socket.js"),
    include_str!("test_page/failure.js"),
    include_str!("test_page/token.js"),
    include_str!("test_page/connection.js"),
    include_str!("test_page/login.js"),
    include_str!("test_page/listeners.js"),
    include_str!("test_page/sessions.js"),
    include_str!("test_page/sending.js"),
    include_str!("test_page/measure.js"),
    include_str!("test_page/replay.js"),
    include_str!("test_page/flow.js"),
    include_str!("test_page/begin.js"),
);

/// The page. `editor` is the editor's path without a slash at its end, where a login is made; `None`
/// without an editor. `admin` is that of the admin API.
pub(crate) fn document(editor: Option<&str>, admin: Option<&str>) -> String {
    let attribute = |text: &str| text.replace('&', "&amp;").replace('"', "&quot;");
    let editor = attribute(&editor.map(|root| format!("{root}/")).unwrap_or_default());
    let admin = attribute(admin.unwrap_or("none"));
    let script = format!("\"use strict\";\n(() => {{\n{SCRIPT}}})();\n");
    include_str!("test_page/page.html")
        .replace("%STYLE%", include_str!("test_page/style.css"))
        .replace("%EDITOR%", &editor)
        .replace("%ADMIN%", &admin)
        .replace("%SCRIPT%", &script)
}
