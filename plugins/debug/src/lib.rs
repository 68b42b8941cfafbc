//! The node `debug`: shows messages in the debug sidebar, in the log, and as its status.

mod counter;
mod inspect;
mod status;

use std::sync::atomic::{AtomicBool, Ordering};

use ferrowire::expression::Jsonata;
use ferrowire::{
    Editor, FromConfig, Handled, Map, Message, Node, NodeConfig, NodeContext, NodeError, NodeType,
    PropertyPath, Status, StopReason, Value, async_trait,
};

use inspect::inspect;
use status::StatusLine;

/// The number of nested levels in the log.
const LOG_DEPTH: usize = 10;

/// Node-RED's `debug`.
///
/// Publishes its output unabridged to the topic `debug`, as an object: `id`, `z`, `path`, `name`,
/// `topic`, `property`, `msg` and `_msgid`. As in Node-RED, `property` is missing for a complete
/// message, and `name`, `topic` and `msg` are missing if undefined. The subscriber shortens it and
/// adds the editor's `format`.
#[derive(Debug)]
pub struct Debug {
    has_name: bool,
    active: AtomicBool,
    sidebar: bool,
    console: bool,
    shown: Shown,
    status: StatusLine,
}

/// The part of a message that is shown.
#[derive(Clone, Debug)]
enum Shown {
    Message,
    Property { name: String, path: Option<PropertyPath> },
    Expression(Jsonata),
}

impl FromConfig for Debug {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let shown = Shown::from_config(config);
        Debug {
            has_name: config.raw("name").is_some(),
            active: AtomicBool::new(config.boolean("active", true)),
            sidebar: config.boolean("tosidebar", true),
            console: config.boolean("console", false),
            status: StatusLine::from_config(config, &shown),
            shown,
        }
    }
}

impl Shown {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        if config.text("targetType") == "jsonata" {
            let source = config.text("complete");
            match Jsonata::compile(&source) {
                Ok(expression) => return Shown::Expression(expression),
                Err(error) => config.problem("complete", error.to_string()),
            }
            return Shown::Message;
        }
        let mut name = config.text_or("complete", "payload");
        if name == "false" {
            name = "payload".to_owned();
        }
        if name == "true" {
            return Shown::Message;
        }
        let path = PropertyPath::parse(&name)
            .map_err(|error| config.problem("complete", error.to_string()))
            .ok();
        Shown::Property { name, path }
    }

    /// The part for an automatic status: for a complete message only the payload.
    fn in_status(&self) -> Self {
        match self {
            Shown::Message => {
                let path = PropertyPath::parse("payload").ok();
                Shown::Property { name: "payload".to_owned(), path }
            }
            other => other.clone(),
        }
    }

    /// The value to show; `None` stands for `undefined`.
    fn of(&self, msg: &Message, cx: &NodeContext) -> Result<Option<Value>, NodeError> {
        Ok(match self {
            Shown::Message => Some(msg.clone().into()),
            Shown::Property { path, .. } => {
                path.as_ref().and_then(|path| path.read(msg).unwrap_or_default())
            }
            Shown::Expression(expression) => expression.evaluate(msg, cx)?,
        })
    }
}

#[async_trait]
impl Node for Debug {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        self.status.start(cx);
        Ok(())
    }

    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        if is_own_status(&msg, cx) {
            return Handled::Done;
        }
        match self.show(&msg, cx) {
            Ok(()) => Handled::Done,
            Err(error) => Handled::Failed(error),
        }
    }

    fn set_active(&self, active: bool) -> bool {
        self.active.store(active, Ordering::Relaxed);
        true
    }

    async fn stop(&self, _: StopReason, cx: &NodeContext) {
        if !self.status.is_off() {
            cx.status(Status::default());
        }
    }
}

/// Whether this is a status of this node, sent by a status node: showing it would never end.
fn is_own_status(msg: &Message, cx: &NodeContext) -> bool {
    let source = msg.get("status").and_then(|status| status.get("source"));
    source.and_then(|source| source.get("id")).and_then(Value::as_str) == Some(cx.id())
}

impl Debug {
    fn show(&self, msg: &Message, cx: &NodeContext) -> Result<(), NodeError> {
        self.status.show(msg, cx)?;
        let sidebar = self.sidebar && self.active.load(Ordering::Relaxed);
        if self.console || sidebar {
            let value = self.shown.of(msg, cx)?;
            if self.console {
                self.log(value.as_ref(), cx);
            }
            if sidebar {
                cx.publish("debug", self.sidebar_entry(msg, value, cx));
            }
        }
        Ok(())
    }

    fn log(&self, value: Option<&Value>, cx: &NodeContext) {
        match value {
            Some(Value::String(text)) => {
                let start = if text.contains('\n') { "\n" } else { "" };
                cx.info_log(format_args!("{start}{text}"));
            }
            // JavaScript's `typeof null` is `object`.
            Some(
                Value::Null
                | Value::Date(_)
                | Value::Object(_)
                | Value::Array(_)
                | Value::Buffer(_),
            ) => cx.info_log(format_args!("\n{}", inspect(value, LOG_DEPTH))),
            _ => cx.info_log(inspect(value, LOG_DEPTH)),
        }
    }

    fn sidebar_entry(&self, msg: &Message, value: Option<Value>, cx: &NodeContext) -> Map {
        let info = cx.info();
        let mut entry = Map::with_capacity(8);
        entry.insert("id", info.id.as_str());
        entry.insert("z", info.flow.as_str());
        if !info.alias.is_empty() {
            entry.insert("_alias", info.alias.as_str());
        }
        entry.insert("path", if info.path.is_empty() { "global" } else { &info.path });
        if self.has_name {
            entry.insert("name", info.name.as_str());
        }
        let mut optional = |name: &'static str, value: Option<Value>| {
            if let Some(value) = value {
                entry.insert(name, value);
            }
        };
        optional("topic", msg.get("topic").cloned());
        if let Shown::Property { name, .. } = &self.shown {
            optional("property", Some(name.as_str().into()));
        }
        optional("msg", value);
        optional("_msgid", msg.get("_msgid").cloned());
        entry
    }
}

ferrowire::register!(
    NodeType::shared::<Debug>("debug")
        .summary("shows messages in the debug sidebar, in the log, and as its status")
        .category("common")
        .editor(Editor::NodeRed("common/21-debug"))
);
