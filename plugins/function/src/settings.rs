//! `Settings`: the node's properties, checked.

use std::sync::Arc;
use std::time::Duration;

use ferrowire::{Key, NodeConfig, NodeContext, NodeInfo, Value};

use crate::syntax;
use crate::visible::visible;

/// The time that one run of the code may take, unless the node or the environment says otherwise.
const TIME_LIMIT: f64 = 10.0;

/// The mebibytes that a node's JavaScript may hold, unless the environment says otherwise.
const MEMORY_LIMIT: f64 = 128.0;

/// More seconds than this mean: no limit that anyone would see.
const LONGEST: f64 = 86_400.0 * 365.0;

/// What the flow file says about the node.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) info: NodeInfo,
    pub(crate) code: String,
    pub(crate) initialize: String,
    pub(crate) finalize: String,
    pub(crate) outputs: f64,
    /// In seconds; 0 stands for the default.
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
        let default = || variable(cx, "FERROWIRE_FUNCTION_TIMEOUT").unwrap_or(TIME_LIMIT);
        let seconds = if self.timeout > 0.0 { self.timeout } else { default() };
        Duration::from_secs_f64(seconds.clamp(0.001, LONGEST))
    }

    /// How many bytes the node's JavaScript may hold.
    pub(crate) fn memory_limit(&self, cx: &NodeContext) -> usize {
        let mebibytes = variable(cx, "FERROWIRE_FUNCTION_MEMORY").unwrap_or(MEMORY_LIMIT);
        (mebibytes.clamp(1.0, 65_536.0) * 1_048_576.0) as usize
    }
}

/// A number above 0 in the environment; anything else is named in the log.
fn variable(cx: &NodeContext, name: &str) -> Option<f64> {
    let value = cx.env(name)?;
    let number = match &value {
        Value::String(text) => text.trim().parse().ok(),
        other => other.as_f64(),
    };
    let number = number.filter(|number: &f64| number.is_finite() && *number > 0.0);
    if number.is_none() {
        let found = value.to_json();
        cx.warn(format_args!("`{name}` is {found}, a number above 0 was expected; it is ignored"));
    }
    number
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
