//! `link out`: sends to the linked nodes, or returns to the call.

use ferrowire::{FromConfig, Handled, Message, Node, NodeConfig, NodeContext, Text, Value};

use crate::{RETURN, SOURCES, check_links};

/// Node-RED's `link out`.
#[derive(Debug)]
pub(crate) struct LinkOut {
    returns: bool,
    /// A property that Node-RED sets on each message.
    event: Text,
}

impl FromConfig for LinkOut {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        check_links(config);
        let mode = config.text_or("mode", "link");
        if !matches!(mode.as_str(), "link" | "return") {
            config.problem("mode", format!("expected `link` or `return`, found `{mode}`"));
        }
        let event = format!("node:{}", config.info().id).into();
        LinkOut { returns: mode == "return", event }
    }
}

impl Node for LinkOut {
    fn on_message_now(&self, mut msg: Message, cx: &NodeContext) -> Handled {
        msg.set("_event", self.event.clone());
        if !self.returns {
            return Handled::Send(0, msg);
        }
        let sources = msg.properties_mut().get_mut(SOURCES).and_then(Value::as_array_mut);
        let source = sources.and_then(Vec::pop);
        let part = |name| source.as_ref().and_then(|source| source.get(name)?.as_str());
        let (Some(node), Some(id)) = (part("node"), part("id")) else {
            cx.warn("the message was not returned: it does not come from a `link call` node");
            return Handled::Done;
        };
        msg.set(RETURN, id);
        match cx.deliver(node, msg) {
            Ok(sending) if sending.is_done() => Handled::Done,
            Ok(sending) => Handled::Later(Box::pin(async move {
                sending.await;
                Ok(())
            })),
            Err(error) => {
                cx.warn(format_args!("the message was not returned: {error}"));
                Handled::Done
            }
        }
    }
}
