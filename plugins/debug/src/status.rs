//! The status of a debug node.

use std::sync::{Arc, Mutex};

use ferrowire::expression::Jsonata;
use ferrowire::{
    Message, MutexExt as _, NodeConfig, NodeContext, NodeError, PropertyPath, Status, Value,
};

use crate::Shown;
use crate::counter::Counter;
use crate::inspect::inspect;

/// Longer texts are cut after this many UTF-16 code units.
const LENGTH: usize = 32;

/// The number of nested levels in a status.
const DEPTH: usize = 2;

#[derive(Debug)]
pub(crate) enum StatusLine {
    Off,
    /// The number of messages.
    Counter(Arc<Counter>),
    /// The value in the sidebar, the payload of a complete message, an error, or a status.
    Auto(Shown, Last),
    Property(PropertyPath, Last),
    Expression(Jsonata, Last),
}

/// The current status, to avoid sending it twice.
pub(crate) type Last = Mutex<Option<Status>>;

impl StatusLine {
    pub(crate) fn from_config(config: &mut NodeConfig<'_>, shown: &Shown) -> Self {
        if !config.boolean("tostatus", false) {
            return StatusLine::Off;
        }
        match config.text_or("statusType", "auto").as_str() {
            "auto" => StatusLine::Auto(shown.in_status(), Last::default()),
            "counter" => StatusLine::Counter(Arc::new(Counter::new())),
            "msg" => {
                let default = config.text_or("complete", "payload");
                match config.property_path("statusVal", &default) {
                    Some(path) => StatusLine::Property(path, Last::default()),
                    None => StatusLine::Off,
                }
            }
            "jsonata" => match Jsonata::compile(&config.text("statusVal")) {
                Ok(expression) => StatusLine::Expression(expression, Last::default()),
                Err(error) => {
                    config.problem("statusVal", error.to_string());
                    StatusLine::Off
                }
            },
            other => {
                let text =
                    format!("expected `auto`, `counter`, `msg` or `jsonata`, found `{other}`");
                config.problem("statusType", text);
                StatusLine::Off
            }
        }
    }

    pub(crate) fn is_off(&self) -> bool {
        matches!(self, StatusLine::Off)
    }

    /// Shows the initial status.
    pub(crate) fn start(&self, cx: &NodeContext) {
        match self {
            StatusLine::Off => {}
            StatusLine::Counter(counter) => counter.start(cx),
            StatusLine::Auto(..) | StatusLine::Property(..) | StatusLine::Expression(..) => {
                cx.status(Status::default());
            }
        }
    }

    /// Shows `msg`.
    pub(crate) fn show(&self, msg: &Message, cx: &NodeContext) -> Result<(), NodeError> {
        let (status, last) = match self {
            StatusLine::Off => return Ok(()),
            StatusLine::Counter(counter) => {
                counter.count(cx);
                return Ok(());
            }
            StatusLine::Auto(shown, last) => (automatic(shown.of(msg, cx)?, msg), last),
            StatusLine::Expression(expression, last) => {
                (plain(expression.evaluate(msg, cx)?), last)
            }
            StatusLine::Property(path, last) => (plain(path.read(msg).unwrap_or_default()), last),
        };
        let mut last = last.locked();
        let changed = last.as_ref() != Some(&status);
        *last = Some(status.clone());
        // Before the status is sent: a status node may send it back to this node at once.
        drop(last);
        if changed {
            cx.status(status);
        }
        Ok(())
    }
}

/// The status for a value: its text, or the value itself if it is a status object.
fn plain(value: Option<Value>) -> Status {
    let part = |name: &str| {
        value.as_ref().and_then(|value| value.get(name)).filter(|part| part.is_truthy())
    };
    if let (Some(fill), Some(shape), Some(text)) = (part("fill"), part("shape"), part("text")) {
        return status(fill_of(Some(fill)), shape_of(Some(shape), "dot"), text_of(Some(text)));
    }
    status("grey", "dot", text_of(value.as_ref()))
}

/// The `error` or `status` of the message, as set by catch and status nodes, takes precedence over
/// its value.
fn automatic(value: Option<Value>, msg: &Message) -> Status {
    if let Some(own) = msg.get("status") {
        let text = own.get("text").filter(|text| text.is_truthy());
        let text = text.map_or_else(String::new, |text| text_of(Some(text)));
        return status(fill_of(own.get("fill")), shape_of(own.get("shape"), "ring"), text);
    }
    let mut shown = plain(value);
    if let Some(error) = msg.get("error") {
        let text = error.get("message").map_or_else(String::new, |text| text_of(Some(text)));
        shown = status("red", shown.shape, text);
    }
    shown
}

fn text_of(value: Option<&Value>) -> String {
    match value {
        Some(Value::String(text)) => text.as_str().to_owned(),
        value => inspect(value, DEPTH),
    }
}

fn status(fill: &'static str, shape: &'static str, text: String) -> Status {
    let mut units = 0;
    let fits = |c: &char| {
        units += c.len_utf16();
        units <= LENGTH
    };
    let kept: String = text.chars().take_while(fits).collect();
    let text = if kept.len() < text.len() { kept + "..." } else { text };
    Status::new(fill, shape, text)
}

fn fill_of(value: Option<&Value>) -> &'static str {
    match value.and_then(Value::as_str) {
        Some("red") => "red",
        Some("green") => "green",
        Some("yellow") => "yellow",
        Some("blue") => "blue",
        _ => "grey",
    }
}

fn shape_of(value: Option<&Value>, default: &'static str) -> &'static str {
    match value.and_then(Value::as_str) {
        Some("ring") => "ring",
        Some("dot") => "dot",
        _ => default,
    }
}
