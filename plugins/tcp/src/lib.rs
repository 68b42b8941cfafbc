//! The nodes `tcp in`, `tcp out` and `tcp request`.

// From the bottom up: one connection, the ways to one, the nodes.
mod settings;
mod socket;
mod status;
mod peer;
mod pool;
mod queue;
mod framing;
mod security;
mod client;
mod listen;
mod input;
mod output;
mod reply;
mod exchange;
mod request;

use ferrowire::{Editor, NodeType, Reference};

pub use input::TcpIn;
pub use output::TcpOut;
pub use request::TcpRequest;
pub use settings::{IDLE_TIMEOUT, MAX_CONNECTIONS, MAX_MESSAGE, MAX_QUEUE, RECONNECT_TIME};

/// Node-RED's part of all three types in the editor.
const EDITOR: Editor = Editor::NodeRed("network/31-tcpin");

/// The property with the certificates.
const TLS: &[Reference] = &[Reference::new("tls", "tls-config")];

ferrowire::register!(
    NodeType::shared::<TcpIn>("tcp in")
        .summary("receives data over TCP, as a server or a client")
        .category("network")
        .uses(TLS)
        .editor(EDITOR),
    NodeType::shared::<TcpOut>("tcp out")
        .summary("sends data over TCP, as a server or a client, or replies")
        .category("network")
        .uses(TLS)
        .editor(EDITOR),
    NodeType::shared::<TcpRequest>("tcp request")
        .summary("sends data over TCP and waits for a response")
        .category("network")
        .uses(TLS)
        .editor(EDITOR),
);
