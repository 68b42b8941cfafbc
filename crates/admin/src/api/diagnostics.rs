//! `/diagnostics`: a report about this runtime.

use ferrowire_core::Value;
use ferrowire_core::metric::{Metrics, Reading, RegisteredMetric};
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
    let npm = admin.packages().map(|packages| packages.describe());
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
                "state": admin.state.get().name(),
                "running": engine.nodes().len(),
                "problems": engine.problems().iter().map(|problem| problem.to_string()).collect::<Vec<_>>(),
            },
            "plugins": plugins,
            "types": types,
            "npm": npm,
            "metrics": metrics(engine.registry().metrics()),
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

/// The values of all metrics.
fn metrics(metrics: &Metrics) -> Vec<serde_json::Value> {
    metrics.iter().map(describe).collect()
}

fn describe(registered: &RegisteredMetric) -> serde_json::Value {
    let descriptor = registered.metric.descriptor();
    let (label, labelled) = descriptor.label;
    let mut shown = json!({
        "name": descriptor.name,
        "help": descriptor.help,
        "plugin": registered.plugin,
    });
    for (key, text) in [("unit", descriptor.unit), ("label", label), ("labelValue", labelled)] {
        if !text.is_empty() {
            shown[key] = text.into();
        }
    }
    match registered.metric.read() {
        Reading::Count(count) => shown["count"] = count.into(),
        Reading::Level(level) => shown["level"] = level.into(),
        Reading::Distribution { counts, sum } => {
            shown["bounds"] = descriptor.bounds.into();
            shown["counts"] = counts.into();
            shown["sum"] = sum.into();
        }
    }
    shown
}
