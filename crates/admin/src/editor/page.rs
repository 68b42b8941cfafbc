//! The editor's page and its theme: a title, a logo, a style sheet and a script; the rest is Node-RED's.

use ferrowire_core::Value;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};
use serde_json::json;

use crate::Reply;
use crate::call::Call;

const TITLE: &str = "Ferrowire";
const LOGO: &str = include_str!("theme/ferrowire.svg");
const STYLE: &str = include_str!("theme/ferrowire.css");
const SCRIPT: &str = include_str!("theme/ferrowire.js");

/// The image of the login dialog, relative to the editor's page.
pub(crate) const LOGIN_IMAGE: &str = "theme/login/ferrowire.svg";

/// Node definitions have inline scripts. Scripts and frames from other origins are refused.
const POLICY: &str = "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval'; \
                      style-src 'self' 'unsafe-inline'; img-src * data: blob:; font-src 'self' data:; \
                      worker-src 'self' blob:; connect-src *; frame-ancestors 'self'; \
                      base-uri 'self'";

/// The page.
pub(crate) fn index(call: &Call) -> Reply {
    let version = call.admin.palette().editor_version();
    let page = include_str!("theme/index.html")
        .replace("{{title}}", TITLE)
        .replace("{{version}}", &format!("{version}-{}", env!("CARGO_PKG_VERSION")));
    Reply::html(page).with(CONTENT_SECURITY_POLICY, POLICY)
}

/// The theme, as the editor's scripts read it.
pub(crate) fn theme(_: &Call) -> Reply {
    Reply::json(Value::from(json!({
        "page": {
            "title": TITLE,
            "favicon": "theme/favicon/ferrowire.svg",
            "tabicon": {"icon": "theme/tabicon/ferrowire.svg", "colour": "#b7410e"},
            "css": ["theme/css/ferrowire.css"],
            "scripts": ["theme/scripts/ferrowire.js"],
        },
        "header": {"title": TITLE, "image": "theme/header/ferrowire.svg"},
        "asset": {
            "red": "red/red.min.js",
            "main": "red/main.min.js",
            "vendorMonaco": "vendor/monaco/monaco-bootstrap.js",
            "vendorAce": "",
        },
        "themes": [],
    })))
}

/// What the editor shows about itself in its help: what runs here, and the editor's changes.
pub(crate) fn about(call: &Call) -> Reply {
    let editor = call.admin.palette().editor_version();
    let runtime = env!("CARGO_PKG_VERSION");
    let mut text =
        format!("### Ferrowire {runtime}\n\nThe editor is that of Node-RED {editor}:\n\n");
    match call.admin.pack().get("public/red/about") {
        Some(file) => text.push_str(&String::from_utf8_lossy(&file.plain())),
        None => return Reply::nothing_here(&call.parts.method, call.parts.uri.path()),
    }
    Reply::new(StatusCode::OK, "text/markdown; charset=utf-8", text)
}

/// The files that the theme names.
pub(crate) fn theme_file(call: &Call) -> Reply {
    let reply = match (call.param(0), call.param(1)) {
        ("favicon" | "tabicon" | "header" | "login", "ferrowire.svg") => {
            Reply::new(StatusCode::OK, "image/svg+xml", LOGO)
        }
        ("css", "ferrowire.css") => Reply::new(StatusCode::OK, "text/css; charset=utf-8", STYLE),
        ("scripts", "ferrowire.js") => {
            let script = SCRIPT.replace("%VERSION%", env!("CARGO_PKG_VERSION"));
            Reply::new(StatusCode::OK, "text/javascript; charset=utf-8", script)
        }
        _ => return Reply::nothing_here(&call.parts.method, call.parts.uri.path()),
    };
    reply.with(CACHE_CONTROL, "public, max-age=0")
}
