//! The nodes `errors` and `completions`, which see what other nodes fail and complete, and a `tls-config`.

use ferrowire::{
    Credential, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeType, Watches,
};
use ferrowire_net::TlsConfig;

struct Witness;

impl FromConfig for Witness {
    fn from_config(_: &mut NodeConfig<'_>) -> Self {
        Witness
    }
}

impl Node for Witness {
    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        Handled::Send(0, msg)
    }
}

ferrowire::register!(
    NodeType::shared::<Witness>("errors").summary("sees errors").watches(Watches::Errors),
    NodeType::shared::<Witness>("completions")
        .summary("sees completed messages")
        .watches(Watches::Completions),
    NodeType::shared::<TlsConfig>("tls-config")
        .summary("certificates")
        .category("config")
        .credentials(&[Credential::Text("cadata")]),
);
