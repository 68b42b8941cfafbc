//! The node `http request` and its configuration node `http proxy`.

mod call;
mod case;
mod connect;
mod digest;
mod editor;
mod exchange;
mod failure;
mod form;
mod headers;
mod inflate;
mod jar;
mod node;
mod options;
mod outcome;
mod prepare;
mod proxy;

pub use node::HttpRequest;
pub use prepare::TIMEOUT;
pub use proxy::HttpProxy;

use ferrowire::{Credential, Editor, NodeType, Reference};

ferrowire::register!(
    NodeType::shared::<HttpRequest>("http request")
        .summary("sends HTTP requests and returns their responses")
        .category("network")
        .uses(&[Reference::new("tls", "tls-config"), Reference::new("proxy", "http proxy")])
        .credentials(&[Credential::Text("user"), Credential::Password("password")])
        .editor(editor::EDITOR),
    NodeType::shared::<HttpProxy>("http proxy")
        .summary("a proxy for HTTP requests")
        .category("config")
        .credentials(&[Credential::Text("username"), Credential::Password("password")])
        .editor(Editor::NodeRed("network/06-httpproxy")),
);
