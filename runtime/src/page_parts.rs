//! What the pages of the runtime share: how one self-contained document without a framework is put together from
//! its parts.

/// The parts of a page.
pub(crate) struct Parts<'a> {
    /// The document, with `%HEAD%`, `%LOGO%`, `%SCRIPT%`, `%EDITOR%` and `%ADMIN%` in it.
    pub(crate) html: &'a str,
    pub(crate) style: &'a str,
    /// The scripts, which run as one.
    pub(crate) script: &'a str,
}

/// Where a page finds the rest of the runtime.
#[derive(Clone, Copy)]
pub(crate) struct Roots<'a> {
    /// The editor's path without a slash at its end, where a login is made; `None` without an editor.
    pub(crate) editor: Option<&'a str>,
    /// The path of the admin API; `None` without one.
    pub(crate) admin: Option<&'a str>,
}

/// The document of a page.
pub(crate) fn document(parts: &Parts<'_>, roots: Roots<'_>) -> String {
    let attribute = |text: &str| text.replace('&', "&amp;").replace('"', "&quot;");
    let editor = attribute(&roots.editor.map(|root| format!("{root}/")).unwrap_or_default());
    let admin = attribute(roots.admin.unwrap_or("none"));
    let style = format!("{}{}", include_str!("page_parts/theme.css"), parts.style);
    let script = format!("\"use strict\";\n(() => {{\n{}}})();\n", parts.script);
    parts
        .html
        .replace("%HEAD%", include_str!("page_parts/head.html"))
        .replace("%LOGO%", include_str!("page_parts/logo.svg"))
        .replace("%STYLE%", &style)
        .replace("%EDITOR%", &editor)
        .replace("%ADMIN%", &admin)
        .replace("%SCRIPT%", &script)
}
