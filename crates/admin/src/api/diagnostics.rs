//! `/diagnostics`: a report about this runtime.

use ferrowire_core::Value;
use serde_json::json;

use crate::Reply;
use crate::call::Call;

/// The report.
pub(crate) fn get(call: &Call) -> Reply {
    let (admin, engine) = (&call.admin, call.admin.engine());
    let settings = admin.settings();
    let types: Vec<&str> = engine.registry().iter().map(|node_type| node_type.name).collect();
    let mut plugins: Vec<String> = engine
        .registry()
        .iter()
        .map(|node_type| format!("{} {}", node_type.plugin, node_type.version))
        .collect();
    plugins.sort_unstable();
    plugins.dedup();
    let stopped = admin.stopped.load(std::sync::atomic::Ordering::Relaxed);
    Reply::json(Value::from(json!({
        "report": "diagnostics",
        "scope": "basic",
        "os": {"platform": std::env::consts::OS, "arch": std::env::consts::ARCH},
        "runtime": {
            "name": "ferrowire",
            "version": env!("CARGO_PKG_VERSION"),
            "editor": admin.palette().editor_version(),
            "isStarted": true,
            "flows": {
                "state": if stopped { "stop" } else { "start" },
                "running": engine.nodes().len(),
                "problems": engine.problems().iter().map(|problem| problem.to_string()).collect::<Vec<_>>(),
            },
            "plugins": plugins,
            "types": types,
            "settings": {
                "httpAdminRoot": format!("{}/", settings.admin_root),
                "httpNodeRoot": format!("{}/", settings.node_root),
                "apiMaxLength": settings.max_body,
                "flowFilePretty": settings.flow_file_pretty,
                "runtimeState": settings.runtime_state,
            },
        },
    })))
}
