//! The nodes `websocket handshake` and `websocket admit`: the flow decides who may connect to a
//! `websocket-listener` whose `auth` is `flow`.

mod admit;

use ferrowire::{
    Editor, EditorPart, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError,
    NodeType, Reference, async_trait,
};

use admit::Admit;

const EDITOR: Editor = Editor::Own(
    &EditorPart::new("handshake", include_str!("editor/handshake.html"))
        .help(ferrowire::help_files!("de", "ja", "zh-CN"))
        .catalogs(ferrowire::text_files!("en-US", "de", "ja", "zh-CN")),
);

const LISTENER: &[Reference] = &[Reference::new("server", "websocket-listener")];

/// Sends the handshakes of its listener into the flow. The listener makes the messages.
#[derive(Debug)]
pub struct Handshake {
    has_listener: bool,
}

impl FromConfig for Handshake {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let listener = config.referenced("server");
        let auth = listener.as_ref().and_then(|it| it.get("auth")).and_then(|auth| auth.as_str());
        if listener.is_some() && auth != Some("flow") {
            config.problem("server", "expected a listener whose `auth` is `flow`");
        }
        Handshake { has_listener: listener.is_some() }
    }
}

#[async_trait]
impl Node for Handshake {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        if !self.has_listener {
            cx.error("Missing server configuration: choose the path whose handshakes it decides");
        }
        Ok(())
    }

    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        Handled::Send(0, msg)
    }
}

ferrowire::register!(
    NodeType::shared::<Handshake>("websocket handshake")
        .summary(
            "sends the handshakes of a WebSocket listener into the flow, which decides about them"
        )
        .category("network")
        .uses(LISTENER)
        .editor(EDITOR),
    NodeType::shared::<Admit>("websocket admit")
        .summary("admits or refuses a client of a WebSocket listener")
        .category("network")
        .uses(LISTENER)
        .editor(EDITOR),
);
