//! Runs a node or a flow without a server, for the tests of node crates.
//!
//! ```
//! # use ferrowire::{FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeType};
//! use ferrowire_testkit::{Harness, json, message};
//!
//! # struct Upper;
//! # impl FromConfig for Upper {
//! #     fn from_config(_: &mut NodeConfig<'_>) -> Self {
//! #         Upper
//! #     }
//! # }
//! # impl Node for Upper {
//! #     fn on_message_now(&self, mut msg: Message, _: &NodeContext) -> Handled {
//! #         let upper = msg.payload().and_then(|p| p.as_str()).unwrap_or_default().to_uppercase();
//! #         msg.set("payload", upper);
//! #         Handled::Send(0, msg)
//! #     }
//! # }
//! # ferrowire::register!(NodeType::shared::<Upper>("upper"));
//! # fn main() {
//! # tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
//! // In a function marked `#[tokio::test(start_paused = true)]`:
//! let mut node = Harness::of("upper").config(json!({"name": "loud"})).start().await;
//! node.send(message(json!({"payload": "hello"}))).await;
//! assert_eq!(node.next_output(0).await.payload(), Some(&"HELLO".into()));
//! node.stop().await;
//! # }) }
//! ```
//!
//! The test file must refer to the node's crate, or it is not linked: `use my_crate as _;`. Tests
//! run on tokio's paused clock, so that waiting takes no time. [`Flow`] runs several connected
//! nodes. [`assert_compliant`] checks the rules for all nodes.
//!
//! A failed expectation panics; these functions are for tests only.
#![expect(clippy::panic, reason = "a failed expectation fails the test")]

mod builder;
mod compliance;
mod flow;
mod free_port;
mod harness;
mod idle;
mod port;
mod record;

pub use builder::{HarnessBuilder, linked};
pub use compliance::assert_compliant;
pub use flow::{Flow, FlowBuilder};
pub use free_port::free_port;
pub use harness::{Harness, Stopped};
pub use idle::idle_node;
pub use serde_json::json;

use ferrowire_core::{Map, Message, Value};
// Evaluates the expressions of the nodes under test.
use ferrowire_languages as _;
pub use port::{TestPort, websocket_handshake};

/// The message with these `properties`.
///
/// # Panics
/// If `properties` is not an object.
pub fn message(properties: serde_json::Value) -> Message {
    Message::from(object(properties, "a message"))
}

fn object(json: serde_json::Value, what: &str) -> Map {
    match Value::from(json) {
        Value::Object(map) => (*map).clone(),
        other => panic!("{what} must be an object, found {}", other.to_json()),
    }
}
