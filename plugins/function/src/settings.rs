//! `Settings`: the node's properties, checked; and what the plugin lets the runtime's operator set.

use std::sync::Arc;
use std::time::Duration;

use ferrowire::{Key, NodeConfig, NodeContext, NodeInfo, Setting, Value};

use crate::syntax;
use crate::visible::visible;

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
    pub(crate) code: String,
    pub(crate) initialize: String,
    pub(crate) finalize: String,
    pub(crate) outputs: f64,
    /// In seconds; 0 stands for the setting `function-timeout`.
    timeout: f64,
    /// Whether the code waits for anything.
    pub(crate) is_async: bool,
    /// Whether the code may use `node`.
    pub(crate) uses_node: bool,
    /// Whether the code says itself when a message is complete.
    pub(crate) calls_done: bool,
    /// Whether the code may call `link in` nodes.
    pub(crate) calls_links: bool,
    /// The only properties of a message that the code can see, if that is known.
    pub(crate) visible: Option<Arc<[Key]>>,
}

impl Settings {
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Self {
        refuse_modules(config);
        let code = config.text("func");
        let initialize = config.text("initialize").trim().to_owned();
        let finalize = config.text("finalize").trim().to_owned();
        let is_async = code.contains("await");
        syntax::check(config, "func", &syntax::message_code(&code, is_async));
        syntax::check(config, "initialize", &syntax::initialize_code(&initialize));
        syntax::check(config, "finalize", &syntax::finalize_code(&finalize));
        Settings {
            info: config.info().clone(),
            uses_node: code.contains("node") || code.contains("eval") || code.contains("arguments"),
            calls_done: syntax::calls_done(&code),
            calls_links: code.contains("linkcall") || initialize.contains("linkcall"),
            visible: visible(&code, [&initialize, &finalize]).map(Arc::from),
            is_async,
            code,
            initialize,
            finalize,
            outputs: config.number_in("outputs", 0.0..=10_000.0).unwrap_or(1.0),
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

    /// How many bytes the node's JavaScript may hold.
    pub(crate) fn memory_limit(&self, cx: &NodeContext) -> usize {
        cx.setting(&MEMORY).saturating_mul(1 << 20)
    }
}

/// Modules of npm need Node.js.
fn refuse_modules(config: &mut NodeConfig<'_>) {
    let modules: Vec<String> = match config.raw("libs") {
        None => return,
        Some(Value::Array(list)) => list.iter().map(module_name).collect(),
        Some(_) => {
            config.problem("libs", "a list of modules was expected");
            return;
        }
    };
    if modules.is_empty() {
        return;
    }
    let text = format!(
        "the modules {} cannot be loaded, functions run without Node.js; remove them from the \
         node's setup and do their work in other nodes",
        modules.join(", ")
    );
    config.problem("libs", text);
}

fn module_name(module: &Value) -> String {
    let name = module.get("module").and_then(Value::as_str);
    format!("`{}`", name.unwrap_or("?"))
}
