//! `Settings`: the node's properties, checked; and what the plugin lets the runtime's operator set.

use std::sync::Arc;
use std::time::Duration;

use ferrowire::javascript::has_module;
use ferrowire::{NodeConfig, NodeContext, NodeInfo, Setting, Value};

use crate::code::Code;

ferrowire::settings! {
    /// How long one run of a function's code may take, unless its node says otherwise.
    pub TIMEOUT: Duration = Setting::seconds("function-timeout")
        .between("0.001", "31536000")
        .default("10")
        .group(GROUP)
        .help("Seconds for one run of a function's code, unless its node sets a timeout");
    /// The mebibytes that the JavaScript of one function node may hold.
    pub MEMORY: usize = Setting::integer("function-memory")
        .value_name("MEBIBYTES")
        .between("1", "65536")
        .default("128")
        .group(GROUP)
        .help("Memory for the JavaScript of one function node, in MiB");
}

const GROUP: &str = "Functions";

/// The longest `timeout` of a node, in seconds.
const LONGEST: f64 = 86_400.0 * 365.0;

/// What the flow file says about the node.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) info: NodeInfo,
    pub(crate) code: Arc<Code>,
    pub(crate) outputs: f64,
    pub(crate) modules: Vec<Module>,
    /// In seconds; 0 stands for the setting `function-timeout`.
    timeout: f64,
}

impl Settings {
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let modules = modules(config);
        refuse_node_js(config, &modules);
        Settings {
            info: config.info().clone(),
            code: Code::from_config(config),
            outputs: config.number_in("outputs", 0.0..=10_000.0).unwrap_or(1.0),
            modules,
            timeout: config.number_in("timeout", 0.0..=LONGEST).unwrap_or(0.0),
        }
    }

    /// How long one run of the code may take.
    pub(crate) fn time_limit(&self, cx: &NodeContext) -> Duration {
        if self.timeout > 0.0 {
            return Duration::from_secs_f64(self.timeout.max(0.001));
        }
        cx.setting(&TIMEOUT)
    }

    /// Whether the limit also holds while the code waits. Only the node's own does: what the setting
    /// is for are runs that do not end.
    pub(crate) fn limits_waiting(&self) -> bool {
        self.timeout > 0.0
    }

    /// How many bytes the node's JavaScript may hold.
    pub(crate) fn memory_limit(&self, cx: &NodeContext) -> usize {
        cx.setting(&MEMORY).saturating_mul(1 << 20)
    }
}

/// What has to be there for the functions that run in Node.js.
const NEEDED: &str = "install `@node-red/runtime` and `@node-red/nodes` in the user directory";

/// A function that is to run in Node.js is only built here if Node-RED's nodes are missing there, or if
/// it says that it runs here.
fn refuse_node_js(config: &mut NodeConfig<'_>, modules: &[Module]) {
    match config.text("runsIn").as_str() {
        "" => refuse_modules(config, modules, NEEDED),
        "native" => refuse_modules(config, modules, "set `runsIn` to `nodejs`"),
        "nodejs" => config.problem("runsIn", format!("Node.js cannot run the function; {NEEDED}")),
        other => {
            let text = format!("expected `native`, `nodejs` or nothing, found `{other}`");
            config.problem("runsIn", text);
        }
    }
}

fn refuse_modules(config: &mut NodeConfig<'_>, modules: &[Module], remedy: &str) {
    let foreign: Vec<String> = modules
        .iter()
        .filter(|module| !has_module(&module.name))
        .map(|module| format!("`{}`", module.name))
        .collect();
    if !foreign.is_empty() {
        let foreign = foreign.join(", ");
        config.problem("libs", format!("expected Node.js for the module {foreign}; {remedy}"));
    }
}

/// A module, and the variable that the code has it in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Module {
    pub(crate) variable: String,
    pub(crate) name: String,
}

/// The modules in `libs`. As in Node-RED, an entry without a variable is skipped.
fn modules(config: &mut NodeConfig<'_>) -> Vec<Module> {
    let text = |entry: &Value, name| entry.get(name).and_then(Value::as_str).map(str::to_owned);
    match config.raw("libs") {
        None => Vec::new(),
        Some(Value::Array(list)) => list
            .iter()
            .map(|entry| Module {
                variable: text(entry, "var").unwrap_or_default(),
                name: text(entry, "module").unwrap_or_else(|| "?".to_owned()),
            })
            .collect(),
        Some(_) => {
            config.problem("libs", "expected a list of modules");
            Vec::new()
        }
    }
}
