//! Node-RED's settings that have no counterpart, and what that means.

use super::found::Found;

/// When a setting needs nothing.
enum Needless {
    /// Whatever its value is.
    Always,
    /// If it is one that Node-RED takes by default, or that holds here anyway.
    If(fn(&Found) -> bool),
    Never,
}

use Needless::{Always, If, Never};

/// A key with the keys of the objects around it, when it needs nothing, and why or why not.
type Known = (&'static str, Needless, &'static str);

fn is_true(value: &Found) -> bool {
    value.bool() == Some(true)
}

fn is_false(value: &Found) -> bool {
    value.bool() == Some(false)
}

fn is_zero(value: &Found) -> bool {
    *value == Found::Number(0.0)
}

const OF_PACKAGES: &str = "nodes of npm packages read it in `settings.js`, which stays where it is";
const LOOK: &str = "the look of the editor cannot be changed";
const MODULES: &str = "packages are installed by npm, without lists of what is allowed; `palette-install` allows it or not";
const BUFFERED: &str =
    "how many messages a node may keep is a property of the node, or its own bound";

const KNOWN: &[Known] = &[
    ("adminAuth", Never, "logins of this kind are not supported; write users into `admin-auth`"),
    ("codeEditor", Always, "the editor has Monaco"),
    (
        "debugMaxLength",
        If(|it| *it == Found::Number(1000.0)),
        "the debug sidebar shows 1,000 characters of a value",
    ),
    ("debugUseColors", Always, "the log has no such colours"),
    (
        "diagnostics.enabled",
        If(is_true),
        "the report on the system is there, for users who may read settings",
    ),
    ("diagnostics.ui", If(is_true), "the editor shows the report on the system"),
    ("editorTheme", Never, LOOK),
    (
        "editorTheme.codeEditor",
        If(|it| it.get("lib").is_none_or(|lib| lib.text() == Some("monaco"))),
        "the editor has Monaco, with its default options",
    ),
    ("editorTheme.markdownEditor", Always, "the editor shows diagrams of Mermaid"),
    ("editorTheme.mermaid", Always, "the editor chooses the colours of diagrams"),
    ("editorTheme.multiplayer.enabled", If(is_false), "the editor does not show other users"),
    ("editorTheme.palette", Never, "the palette of the editor cannot be changed"),
    (
        "editorTheme.projects.enabled",
        If(is_false),
        "projects are not supported; the flow file of the active one is run",
    ),
    ("editorTheme.projects.workflow", Always, "projects are not supported"),
    ("editorTheme.tours", Always, "tours are a matter of the editor"),
    (
        "exportGlobalContextKeys",
        If(is_false),
        "keys of the global context are not shown by the editor's API",
    ),
    (
        "externalModules.autoInstall",
        If(is_false),
        "missing packages are not installed at the start; run `npm install`",
    ),
    ("externalModules.autoInstallRetry", Always, "missing packages are not installed at the start"),
    ("externalModules.modules", Never, MODULES),
    ("externalModules.palette", Never, MODULES),
    ("fileWorkingDirectory", Never, "expected a folder"),
    (
        "functionExternalModules",
        If(is_true),
        "functions with modules from npm run in Node.js; that cannot be forbidden",
    ),
    (
        "functionTimeout",
        If(is_zero),
        "a run of a function ends after `function-timeout`, 10 seconds unless it is set",
    ),
    (
        "globalFunctionTimeout",
        If(is_zero),
        "a run of a function ends after `function-timeout`, 10 seconds unless it is set",
    ),
    ("httpAdminCookieOptions", Never, "logins of the editor have no cookies"),
    (
        "httpAdminMiddleware",
        Never,
        "middleware is a function of Express; a proxy may do the same (`docs/proxies.md`)",
    ),
    (
        "httpNodeMiddleware",
        Never,
        "middleware is a function of Express; a proxy may do the same (`docs/proxies.md`)",
    ),
    (
        "httpServerOptions",
        Never,
        "options of Express; `trusted-proxies` names proxies whose headers count",
    ),
    ("httpStaticAuth", Never, "static files have no login of their own"),
    ("httpsRefreshInterval", Always, "the certificate is read again with SIGHUP"),
    ("lang", Always, "the editor has the language of the browser, or of the user's settings"),
    (
        "logging.console.metrics",
        If(is_false),
        "metrics are served at `/metrics`; set `metrics` for an address of their own",
    ),
    (
        "logging.console.audit",
        Always,
        "the audit is always in the log, with the target `ferrowire::audit`",
    ),
    ("logging", Never, "other targets of the log than standard error are not supported"),
    ("nodesDir", Never, "nodes in folders beside the packages are not found; install them by npm"),
    (
        "nodesExcludes",
        Never,
        "nodes cannot be excluded here; disable them in the editor's palette manager",
    ),
    ("nodeMessageBufferMaxLength", Always, BUFFERED),
    ("nodeCloseTimeout", Never, "set `shutdown-timeout`, in seconds, for the end of the program"),
    ("paletteCategories", Never, LOOK),
    (
        "readOnly",
        If(is_false),
        "the user directory is written to when flows are deployed; allow users only to read",
    ),
    ("requireHttps", If(is_false), "requests without TLS are not redirected; a proxy may do that"),
    ("serialReconnectTime", Always, OF_PACKAGES),
    ("storageModule", Never, "flows are kept in files"),
    ("tcpMsgQueueSize", Never, "set `tcp-max-queue`, in bytes"),
    (
        "inboundWebSocketTimeout",
        Always,
        "a handshake that waits for a listener is answered after `handshake-timeout`",
    ),
    ("telemetry", Always, "nothing is sent"),
    ("tlsConfigDisableLocalFiles", If(is_false), "`tls-config` nodes may name files"),
    ("ui", Always, OF_PACKAGES),
    (
        "webSocketNodeVerifyClient",
        Never,
        "a function that refuses WebSocket clients; a flow may do that with the listener's handshake events",
    ),
    (
        "webSocketNodeVerifyHttpClient",
        Never,
        "a function that refuses WebSocket clients; a flow may do that",
    ),
    ("settingsFile", Always, "Node-RED sets it"),
    ("runtimeState.ui", Always, "the editor shows the menu if `runtime-state` is on"),
];

/// What is known of a key.
pub(super) enum Opinion {
    /// Nothing has to be done.
    Needless(&'static str),
    /// It has no counterpart.
    Missing(&'static str),
}

/// What is known of a key that is no setting; the nearest object around it counts as well.
pub(super) fn opinion(path: &str, value: &Found) -> Option<Opinion> {
    let (_, needless, reason) = KNOWN.iter().find(|(key, ..)| *key == path)?;
    Some(match needless {
        Always => Opinion::Needless(reason),
        If(holds) if holds(value) => Opinion::Needless(reason),
        If(_) | Never => Opinion::Missing(reason),
    })
}

/// Whether a member of an object is known, at any depth.
pub(super) fn has_members(path: &str) -> bool {
    KNOWN.iter().any(|(key, ..)| key.strip_prefix(path).is_some_and(|rest| rest.starts_with('.')))
}
