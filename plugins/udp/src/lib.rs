//! The nodes `udp in` and `udp out`: receive and send UDP messages.

mod family;
mod failure;
mod input;
mod interface;
mod output;
mod ports;
mod socket;

use ferrowire::{Editor, NodeType};

pub use input::UdpIn;
pub use output::UdpOut;

/// Node-RED's part of both types in the editor.
const EDITOR: Editor = Editor::NodeRed("network/32-udp");

ferrowire::register!(
    NodeType::shared::<UdpIn>("udp in")
        .summary("receives UDP messages")
        .category("network")
        .editor(EDITOR),
    NodeType::shared::<UdpOut>("udp out")
        .summary("sends UDP messages")
        .category("network")
        .editor(EDITOR),
);
