//! The author's guide: from nothing to a node in the palette.
//!
//! All Rust code on this page is compiled and run with this crate's tests.
//!
//! # 1. A crate
//!
//! In a checkout of Ferrowire, `cargo xtask new ../shout` writes a crate that compiles, passes its
//! tests and can be used as it is. From any other folder it is
//! `cargo run --manifest-path CHECKOUT/Cargo.toml --package xtask -- new shout`.
//! By hand it takes this `Cargo.toml`:
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
//! ferrowire-core = "0.1"
//!
//! [dev-dependencies]
//! ferrowire-testkit = "0.1"
//! tokio = { version = "1", features = ["macros", "rt", "test-util"] }
//! ```
//!
//! # 2. A node
//!
//! A node is a struct. [`FromConfig`](crate::FromConfig) makes it from the properties that the
//! editor saved, [`Node`](crate::Node) handles messages, [`register!`](crate::register) tells the
//! runtime about it. This is a whole `src/lib.rs`:
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
//! What an author meets here:
//! - Change the message that came in and send it on, instead of making a new one: it carries
//!   properties that later nodes need, such as `_session`, which says whom to answer.
//! - `Ok` completes the message, an error fails it, and flows see both with complete and catch
//!   nodes. Errors are lower case, without a full stop; who you are is added for you.
//! - Awaiting [`send`](crate::NodeContext::send) waits until the next nodes have accepted the
//!   message. That is how a slow receiver slows the sender down, so do await it.
//! - A panic is caught and becomes this node's error. It never takes the runtime down.
//!
//! # 3. A test
//!
//! `ferrowire-testkit` runs one node without a server, on a clock that stands still until
//! everything waits. In `tests/node.rs`:
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
//! `assert_compliant` checks what holds for all nodes: nonsense in the configuration is reported
//! and does not panic, start and stop end in time, a message fails at most once, no task outlives
//! the node.
//!
//! # 4. The palette
//!
//! The editor is Node-RED's, and so is the format of a node's part in it: a form, a help text, and
//! a script that registers the type. It lies beside `src/lib.rs` as `editor.html`:
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
//! and is named where the type is registered:
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
//! A type of Node-RED's with properties of its own extends Node-RED's dialog:
//! [`Editor::Extended`](crate::Editor::Extended). Texts in other languages, icons and static files
//! are described at [`EditorPart`](crate::EditorPart).
//!
//! # 5. Into a runtime
//!
//! Linked: `cargo xtask assemble --with ../shout --output shouting` builds a runtime with all
//! bundled nodes and this one; `./shouting nodes` lists it, `./shouting run flows.json` runs it.
//!
//! Loaded: `cargo xtask plugin ../shout --to my-plugins` builds a shared library and has a runtime
//! load it; `ferrowire run flows.json --plugins my-plugins` finds it there. The crate is the same.
//! It is never told how it is used, except that [`resource`](crate::NodeContext::resource) finds
//! services of the runtime only in linked nodes.
//!
//! # 6. Configuration
//!
//! The editor saves `"10"` where one expects a number and `""` for nothing. The readers of
//! [`NodeConfig`](crate::NodeConfig) take both forms. A mistake is noted, a default is handed out
//! in its place, and the user sees all mistakes at once; a node with a mistake is never started.
//! Building touches nothing outside: no file, no socket, no clock, so that `ferrowire check` has
//! no effect.
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
//! What the operator of a runtime sets, rather than the author of a flow, is a setting of the
//! crate: [`settings!`](crate::settings) declares it, and `cx.setting(&NAME)` reads it from `start`
//! on. It becomes a flag, an environment variable and a key of the settings file.
//!
//! # 7. A source, and other work beside the messages
//!
//! [`start`](crate::Node::start) runs before the first message, when every wire is in place. What
//! is to go on beside the messages is [spawned on the context](crate::NodeContext::spawn) and
//! dropped when the node stops. A task spawned on tokio itself would outlive it.
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
//! `on_message` takes `&self` and is called for several messages at once. Counters can be atomic,
//! small state can sit in a `Mutex` that is not held across an `await`. A node that handles one
//! message at a time, in order, through `&mut self` is an [`ExclusiveNode`](crate::ExclusiveNode):
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
//! A node that never waits can handle messages on the spot, without a future for each. It saves
//! an allocation, which counts in a flow of many small messages:
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
//! # 10. What the compiler says
//!
//! | message | what to do |
//! |---|---|
//! | `lifetime parameters or bounds on method … do not match the trait declaration` | write `#[async_trait]` above the `impl` |
//! | `cannot be built from a flow file` | implement [`FromConfig`](crate::FromConfig) |
//! | `is not a flow node` | implement [`Node`](crate::Node); for an [`ExclusiveNode`](crate::ExclusiveNode) write `NodeType::exclusive` |
//! | `cannot be shared between threads safely` | `Arc` instead of `Rc`, `Mutex` or atomics instead of `Cell` and `RefCell` |
//! | `future cannot be sent between threads safely` | end the life of what is named before the `await` |
//! | `expected NodeType` in `register!` | `register!(NodeType::shared::<MyNode>("my type"))` |
