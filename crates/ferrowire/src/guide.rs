//! The author's guide: from an empty crate to a node in the palette.
//!
//! All Rust code on this page is compiled and run by this crate's tests.
//!
//! # 1. A crate
//!
//! In a checkout of Ferrowire, `cargo xtask new ../shout` creates a crate that compiles, passes its
//! tests and is ready to use. From any other folder, run `cargo run --manifest-path
//! CHECKOUT/Cargo.toml --package xtask -- new shout`. To write it by hand, start with this
//! `Cargo.toml`:
//!
//! ```toml
//! [package]
//! name = "shout"
//! version = "0.1.0"
//! edition = "2024"
//!
//! # What `cargo xtask assemble --from-flows` reads.
//! [package.metadata.ferrowire]
//! types = ["shout"]
//!
//! # `lib` to be linked into a runtime, `cdylib` to be loaded by one.
//! [lib]
//! crate-type = ["lib", "cdylib"]
//!
//! [dependencies]
//! ferrowire = "0.1"
//!
//! [dev-dependencies]
//! ferrowire-testkit = "0.1"
//! tokio = { version = "1", features = ["macros", "rt", "test-util"] }
//! ```
//!
//! # 2. A node
//!
//! A node is a struct. [`FromConfig`](crate::FromConfig) builds it from the properties that the
//! editor saved, [`Node`](crate::Node) handles messages, [`register!`](crate::register) adds it to
//! the runtime. This is a complete `src/lib.rs`:
//!
//! ```
//! use ferrowire::{
//!     FromConfig, Message, Node, NodeConfig, NodeContext, NodeError, NodeType, async_trait,
//!     register,
//! };
//!
//! struct Shout {
//!     times: usize,
//! }
//!
//! impl FromConfig for Shout {
//!     fn from_config(config: &mut NodeConfig<'_>) -> Self {
//!         Shout { times: config.number_in("times", 1.0..=10.0).unwrap_or(1.0) as usize }
//!     }
//! }
//!
//! #[async_trait]
//! impl Node for Shout {
//!     async fn on_message(&self, mut msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
//!         let payload = msg.payload().and_then(|payload| payload.as_str());
//!         let text = payload.ok_or("the payload is not a string")?;
//!         let loud = text.to_uppercase() + &"!".repeat(self.times);
//!         msg.set("payload", loud);
//!         cx.send(0, msg).await;
//!         Ok(())
//!     }
//! }
//!
//! register!(NodeType::shared::<Shout>("shout").summary("makes texts loud"));
//! ```
//!
//! Rules to follow:
//! - Change the received message and send it on, instead of creating a new one: it carries
//!   properties that later nodes need, such as `_session`, which identifies the client to answer.
//! - `Ok` completes the message, an error fails it; flows handle both with complete and catch
//!   nodes. Errors are lower case, without a full stop; the node's identity is added automatically.
//! - The future of [`send`](crate::NodeContext::send) ends when the next nodes have accepted the
//!   message. Await it, so that a slow receiver slows down the sender.
//! - A panic is caught and becomes an error of this node. It never ends the runtime.
//!
//! # 3. A test
//!
//! `ferrowire-testkit` runs a node without a server, on a paused clock that advances only when all
//! tasks wait. In `tests/node.rs`:
//!
//! ```standalone_crate
//! # use ferrowire::{
//! #     FromConfig, Message, Node, NodeConfig, NodeContext, NodeError, NodeType, async_trait, register,
//! # };
//! # struct Shout;
//! # impl FromConfig for Shout {
//! #     fn from_config(config: &mut NodeConfig<'_>) -> Self {
//! #         config.number_in("times", 1.0..=10.0);
//! #         Shout
//! #     }
//! # }
//! # #[async_trait]
//! # impl Node for Shout {
//! #     async fn on_message(&self, mut msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
//! #         let text = msg.payload().and_then(|p| p.as_str()).ok_or("the payload is not a string")?;
//! #         let loud = text.to_uppercase() + "!!";
//! #         msg.set("payload", loud);
//! #         cx.send(0, msg).await;
//! #         Ok(())
//! #     }
//! # }
//! # register!(NodeType::shared::<Shout>("shout"));
//! # mod shout {}
//! use ferrowire_testkit::{Harness, assert_compliant, json, linked, message};
//! use shout as _; // links the crate, which nothing else mentions
//!
//! # /*
//! #[tokio::test(start_paused = true)]
//! # */
//! async fn texts_become_loud() {
//!     let mut node = Harness::of("shout").config(json!({"times": "2"})).start().await;
//!     node.send(message(json!({"payload": "hey"}))).await;
//!     assert_eq!(node.next_output(0).await.payload(), Some(&"HEY!!".into()));
//!     node.send(message(json!({"payload": 5}))).await;
//!     assert_eq!(node.next_error().await, "the payload is not a string");
//!     node.stop().await;
//! }
//!
//! # /*
//! #[tokio::test(start_paused = true)]
//! # */
//! async fn it_keeps_to_the_contract() {
//!     assert_compliant(linked("shout"), json!({"times": "2"})).await;
//! }
//! # let mut paused = tokio::runtime::Builder::new_current_thread();
//! # paused.enable_all().start_paused(true);
//! # paused.build().unwrap().block_on(texts_become_loud());
//! # paused.build().unwrap().block_on(it_keeps_to_the_contract());
//! ```
//!
//! `assert_compliant` checks the rules for all nodes: invalid configuration is reported and does
//! not panic, start and stop end in time, a message fails at most once, no task outlives the node. For a
//! node that refers to others, `Harness::of("shout").config(…).other_node(…).assert_compliant()` does so.
//!
//! # 4. The palette
//!
//! The editor is Node-RED's, and so is the format of a node's definition: a form, a help text, and
//! a script that registers the type. Put it next to `src/lib.rs` as `editor.html`:
//!
//! ```html
//! <script type="text/html" data-template-name="shout">
//!   <div class="form-row">
//!     <label for="node-input-times"><i class="fa fa-bullhorn"></i> Times</label>
//!     <input type="text" id="node-input-times">
//!   </div>
//! </script>
//! <script type="text/html" data-help-name="shout"><p>Makes texts loud.</p></script>
//! <script type="text/javascript">
//!   RED.nodes.registerType("shout", {
//!     category: "function", color: "#E2D96E", inputs: 1, outputs: 1,
//!     defaults: { name: { value: "" }, times: { value: "1" } },
//!     label: function () { return this.name || "shout"; },
//!   });
//! </script>
//! ```
//!
//! and refer to it where the type is registered:
//!
//! ```
//! # use ferrowire::{FromConfig, Node, NodeConfig};
//! # macro_rules! include_str { ($file:literal) => { "<script></script>" }; }
//! # struct Shout;
//! # impl FromConfig for Shout {
//! #     fn from_config(_: &mut NodeConfig<'_>) -> Self {
//! #         Shout
//! #     }
//! # }
//! # impl Node for Shout {}
//! use ferrowire::{Editor, EditorPart, NodeType, register};
//!
//! register!(
//!     NodeType::shared::<Shout>("shout")
//!         .summary("makes texts loud")
//!         .category("function")
//!         .editor(Editor::Own(&EditorPart::new("shout", include_str!("editor.html"))))
//! );
//! ```
//!
//! To add properties to one of Node-RED's types, extend its dialog:
//! [`Editor::Extended`](crate::Editor::Extended). Texts in other languages, icons and static files
//! are described at [`EditorPart`](crate::EditorPart).
//!
//! # 5. Adding it to a runtime
//!
//! Linked: `cargo xtask assemble --with ../shout --output shouting` builds a runtime with all
//! bundled nodes and this one; `./shouting nodes` lists them, `./shouting run flows.json` runs a
//! flow.
//!
//! Loaded: `cargo xtask plugin ../shout --to my-plugins` builds a shared library and checks that a
//! runtime can load it; `ferrowire run flows.json --plugins my-plugins` loads it. The crate is the
//! same for both. The only difference is that [`resource`](crate::NodeContext::resource) finds
//! services of the runtime only in linked nodes.
//!
//! # 6. Configuration
//!
//! The editor saves `"10"` for a number and `""` for nothing. The readers of
//! [`NodeConfig`](crate::NodeConfig) accept both forms. For an invalid property they record a
//! problem and return a default, so that the user sees all problems at once; a node with a problem
//! is never started. Building must not touch files, sockets or clocks, so that `ferrowire check`
//! has no side effects.
//!
//! ```
//! use ferrowire::{FromConfig, NodeConfig};
//! # use ferrowire::{Map, NodeInfo};
//!
//! enum Style {
//!     Upper,
//!     Title,
//! }
//!
//! struct Shout {
//!     style: Style,
//!     skip_empty: bool,
//! }
//!
//! impl FromConfig for Shout {
//!     fn from_config(config: &mut NodeConfig<'_>) -> Self {
//!         let style = match config.text_or("style", "upper").as_str() {
//!             "upper" => Style::Upper,
//!             "title" => Style::Title,
//!             other => {
//!                 let text = format!("expected `upper` or `title`, found `{other}`");
//!                 config.problem("style", text);
//!                 Style::Upper
//!             }
//!         };
//!         Shout { style, skip_empty: config.boolean("skipEmpty", false) }
//!     }
//! }
//! # let mut properties = Map::new();
//! # properties.insert("style", "quiet");
//! # properties.insert("skipEmpty", "perhaps");
//! # let mut config = NodeConfig::new(NodeInfo::default(), properties, &|_| None);
//! # Shout::from_config(&mut config);
//! # let problems: Vec<_> = config.take_problems().into_iter().map(|it| it.property).collect();
//! # assert_eq!(problems, ["style", "skipEmpty"]);
//! ```
//!
//! Values that the operator of a runtime sets, rather than the author of a flow, are settings of
//! the crate: [`settings!`](crate::settings) declares them, and `cx.setting(&NAME)` reads them from
//! `start` on. Each becomes a flag, an environment variable and a key of the settings file.
//!
//! # 7. Sources, and other background work
//!
//! [`start`](crate::Node::start) runs before the first message, when all wires are in place.
//! Background work is [spawned on the context](crate::NodeContext::spawn) and dropped when the node
//! stops. A task spawned directly on tokio would outlive it.
//!
//! ```standalone_crate
//! use std::time::Duration;
//!
//! # use ferrowire::{FromConfig, NodeConfig, NodeType, register};
//! use ferrowire::{Message, Node, NodeContext, NodeError, Status, async_trait};
//!
//! struct Clock;
//! # impl FromConfig for Clock {
//! #     fn from_config(_: &mut NodeConfig<'_>) -> Self {
//! #         Clock
//! #     }
//! # }
//!
//! #[async_trait]
//! impl Node for Clock {
//!     async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
//!         cx.status(Status::new("green", "dot", "ticking"));
//!         let own = cx.clone();
//!         cx.spawn(async move {
//!             let mut tick = tokio::time::interval(Duration::from_secs(60));
//!             loop {
//!                 tick.tick().await;
//!                 own.send(0, Message::with_payload("tick")).await;
//!             }
//!         });
//!         Ok(())
//!     }
//! }
//! # register!(NodeType::shared::<Clock>("clock"));
//! # let mut paused = tokio::runtime::Builder::new_current_thread();
//! # paused.enable_all().start_paused(true).build().unwrap().block_on(async {
//! # let mut node = ferrowire_testkit::Harness::of("clock").start().await;
//! # node.wait(Duration::from_secs(150)).await;
//! # assert_eq!(node.outputs(0).len(), 3);
//! # node.stop().await;
//! # });
//! ```
//!
//! # 8. State
//!
//! `on_message` takes `&self` and is called for several messages concurrently. Use atomics for
//! counters, and for small state a `Mutex` that is not held across an `await`. A node that handles
//! one message at a time, in order, through `&mut self` is an
//! [`ExclusiveNode`](crate::ExclusiveNode):
//!
//! ```standalone_crate
//! # use ferrowire::{FromConfig, NodeConfig};
//! use ferrowire::{
//!     ExclusiveNode, Message, NodeContext, NodeError, NodeType, async_trait, register,
//! };
//!
//! struct Count(u64);
//! # impl FromConfig for Count {
//! #     fn from_config(_: &mut NodeConfig<'_>) -> Self {
//! #         Count(0)
//! #     }
//! # }
//!
//! #[async_trait]
//! impl ExclusiveNode for Count {
//!     async fn on_message(&mut self, mut msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
//!         self.0 += 1;
//!         msg.set("count", self.0);
//!         cx.send(0, msg).await;
//!         Ok(())
//!     }
//! }
//!
//! register!(NodeType::exclusive::<Count>("count"));
//! # let mut paused = tokio::runtime::Builder::new_current_thread();
//! # paused.enable_all().start_paused(true).build().unwrap().block_on(async {
//! # let mut node = ferrowire_testkit::Harness::of("count").start().await;
//! # for _ in 0..2 { node.send(Message::new()).await; }
//! # node.next_output(0).await;
//! # assert_eq!(node.next_output(0).await.get("count"), Some(&2u32.into()));
//! # node.stop().await;
//! # });
//! ```
//!
//! # 9. The fast path
//!
//! A node that never waits can handle messages without a future for each. This saves an allocation,
//! which matters in flows with many small messages:
//!
//! ```
//! use ferrowire::{Handled, Message, Node, NodeContext};
//!
//! struct Shout;
//!
//! impl Node for Shout {
//!     fn on_message_now(&self, mut msg: Message, _: &NodeContext) -> Handled {
//!         let Some(text) = msg.payload().and_then(|payload| payload.as_str()) else {
//!             return Handled::Failed("the payload is not a string".into());
//!         };
//!         let loud = text.to_uppercase();
//!         msg.set("payload", loud);
//!         Handled::Send(0, msg)
//!     }
//! }
//! ```
//!
//! # 10. A node with everything
//!
//! [`everything`] is a complete node with a configuration node, a credential, typed inputs, two outputs,
//! an icon, texts in two languages, context, a timer and statuses.
//!
//! # 11. Compiler errors
//!
//! | message | what to do |
//! |---|---|
//! | `lifetime parameters or bounds on method … do not match the trait declaration` | write `#[async_trait]` above the `impl` |
//! | `cannot be built from a flow file` | implement [`FromConfig`](crate::FromConfig) |
//! | `is not a flow node` | implement [`Node`](crate::Node); for an [`ExclusiveNode`](crate::ExclusiveNode) write `NodeType::exclusive` |
//! | `cannot be shared between threads safely` | `Arc` instead of `Rc`, `Mutex` or atomics instead of `Cell` and `RefCell` |
//! | `future cannot be sent between threads safely` | drop the named value before the `await` |
//! | `expected NodeType` in `register!` | `register!(NodeType::shared::<MyNode>("my type"))` |

pub mod everything;
