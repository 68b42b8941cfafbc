//! A node with everything: a configuration node with a credential, typed inputs, two outputs, an icon,
//! texts in two languages, context, a timer and statuses.
//!
//! The node `report` prepares messages for an `http request` node. Its site, a configuration node,
//! has the URL and a token. A second output tells when no message has come for a while. For its
//! crate, `Cargo.toml` needs the features of what it uses:
//!
//! ```toml
//! [package.metadata.ferrowire]
//! types = ["report", "report-site"]
//!
//! [dependencies]
//! ferrowire = { version = "0.1", features = ["expression", "sequence"] }
//! tokio = { version = "1", features = ["time"] }
//! ```
//!
//! # The code
//!
//! - [`referenced`](crate::NodeConfig::referenced) gives the properties of a configuration node, with
//!   its credentials in `credentials`. They are not in flow files, logs and exports.
//! - [`TypedValue`](crate::expression::TypedValue) is a typed input: a property, a context value, an
//!   expression, a number.
//! - [`Alarm`](crate::sequence::Alarm) wakes one task at the time that is due next. Each message moves
//!   that time, without a new timer or task.
//! - [`context`](crate::NodeContext::context) keeps values for the node, its flow or all flows, in the
//!   store that the operator has chosen.
//! - [`status`](crate::NodeContext::status) shows a text below the node, and is sent to status nodes.
//!
//! ```standalone_crate
//! use std::sync::{Arc, Mutex};
//! use std::time::Duration;
//!
//! use ferrowire::expression::TypedValue;
//! use ferrowire::sequence::Alarm;
//! use ferrowire::{
//!     Credential, Editor, EditorPart, FromConfig, Map, Message, MutexExt as _, Node, NodeConfig,
//!     NodeContext, NodeError, NodeType, PropertyPath, Reference, Scope, Status, Value, async_trait,
//!     register,
//! };
//! use tokio::time::Instant;
//! # macro_rules! include_str { ($($file:tt)+) => { "{}" }; }
//! # macro_rules! include_bytes { ($file:literal) => { b"<svg/>" }; }
//!
//! /// A configuration node, which others refer to.
//! struct Site;
//!
//! impl FromConfig for Site {
//!     fn from_config(config: &mut NodeConfig<'_>) -> Self {
//!         if config.text("url").is_empty() {
//!             config.problem("url", "expected the URL of a site, found nothing");
//!         }
//!         Site
//!     }
//! }
//!
//! impl Node for Site {}
//!
//! struct Report {
//!     url: String,
//!     token: String,
//!     /// `None` after a problem, with which the node is never started.
//!     value: Option<TypedValue>,
//!     timer: Arc<Timer>,
//! }
//!
//! struct Timer {
//!     silence: Duration,
//!     last: Mutex<Option<Instant>>,
//!     alarm: Alarm,
//! }
//!
//! impl FromConfig for Report {
//!     fn from_config(config: &mut NodeConfig<'_>) -> Self {
//!         let site = config.referenced("site").unwrap_or_default();
//!         let text = |value: Option<&Value>| {
//!             value.and_then(Value::as_str).unwrap_or_default().to_owned()
//!         };
//!         let silence = config.number_in("silence", 1.0..=86_400.0).unwrap_or(60.0);
//!         Report {
//!             url: text(site.get("url")),
//!             token: text(site.get("credentials").and_then(|all| all.get("token"))),
//!             value: TypedValue::from_config(config, "value", "valueType", "msg"),
//!             timer: Arc::new(Timer {
//!                 silence: Duration::from_secs_f64(silence),
//!                 last: Mutex::default(),
//!                 alarm: Alarm::default(),
//!             }),
//!         }
//!     }
//! }
//!
//! impl Timer {
//!     fn restart(&self) {
//!         *self.last.locked() = Some(Instant::now());
//!         self.alarm.changed();
//!     }
//!
//!     fn due(&self) -> Option<Instant> {
//!         let last = *self.last.locked();
//!         last.map(|last| last + self.silence)
//!     }
//!
//!     async fn expired(&self) {
//!         self.alarm.due(|| self.due()).await;
//!         *self.last.locked() = None;
//!     }
//! }
//!
//! /// Counts the reports of the flow.
//! fn count(cx: &NodeContext) -> Result<f64, NodeError> {
//!     let path = PropertyPath::parse_key("reports").map_err(|error| error.to_string())?;
//!     let context = cx.context(Scope::Flow);
//!     let count = context.get(&path)?.and_then(|count| count.as_f64()).unwrap_or_default() + 1.0;
//!     context.set(&path, Some(count.into()))?;
//!     Ok(count)
//! }
//!
//! #[async_trait]
//! impl Node for Report {
//!     async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
//!         cx.status(Status::new("grey", "ring", "waiting"));
//!         let (own, timer) = (cx.clone(), Arc::clone(&self.timer));
//!         cx.spawn(async move {
//!             loop {
//!                 timer.expired().await;
//!                 own.status(Status::new("yellow", "ring", "silent"));
//!                 own.send(1, Message::with_payload("silent")).await;
//!             }
//!         });
//!         Ok(())
//!     }
//!
//!     async fn on_message(&self, mut msg: Message, cx: &NodeContext) -> Result<(), NodeError> {
//!         self.timer.restart();
//!         let value = self.value.as_ref().map(|value| value.evaluate(&msg, cx));
//!         let value = value.transpose()?.flatten().ok_or("the value of the report is missing")?;
//!         let authorization = Value::from(format!("Bearer {}", self.token));
//!         let headers: Map = [("authorization", authorization)].into_iter().collect();
//!         msg.set("payload", value);
//!         msg.set("url", self.url.as_str());
//!         msg.set("headers", Value::from(headers));
//!         cx.status(Status::new("green", "dot", format!("{} reports", count(cx)?)));
//!         cx.send(0, msg).await;
//!         Ok(())
//!     }
//! }
//!
//! const EDITOR: Editor = Editor::Own(
//!     &EditorPart::new("report", include_str!("editor/report.html"))
//!         .icons(&[("report.svg", include_bytes!("editor/report.svg"))])
//!         .catalogs(ferrowire::text_files!("en-US", "de")),
//! );
//!
//! register!(
//!     NodeType::shared::<Site>("report-site")
//!         .summary("where reports are sent")
//!         .category("config")
//!         .credentials(&[Credential::Password("token")])
//!         .editor(EDITOR),
//!     NodeType::shared::<Report>("report")
//!         .summary("prepares reports for a site")
//!         .category("network")
//!         .uses(&[Reference::new("site", "report-site")])
//!         .editor(EDITOR),
//! );
//! # // The tests below.
//! # use ferrowire_testkit::{Harness, json, message};
//! # async fn a_report_has_the_value_and_the_token_of_its_site() {
//! #     let site = json!({"id": "s", "url": "http://h/", "credentials": {"token": "T"}});
//! #     let config = json!({"site": "s", "value": "payload.t", "valueType": "msg", "silence": 30});
//! #     let mut node = Harness::of("report").config(config).other_node(site).start().await;
//! #     node.send(message(json!({"payload": {"t": 20}}))).await;
//! #     let msg = node.next_output(0).await;
//! #     assert_eq!(msg.payload(), Some(&20.into()));
//! #     assert_eq!(msg.get("url"), Some(&"http://h/".into()));
//! #     let headers = msg.get("headers").unwrap();
//! #     assert_eq!(headers.get("authorization"), Some(&"Bearer T".into()));
//! #     assert_eq!(node.next_output(1).await.payload(), Some(&"silent".into()));
//! #     let texts: Vec<_> = node.statuses().iter().map(|it| it.text.to_string()).collect();
//! #     assert_eq!(texts, ["waiting", "1 reports", "silent"]);
//! #     node.send(message(json!({"payload": {}}))).await;
//! #     assert_eq!(node.next_error().await, "the value of the report is missing");
//! #     node.stop().await;
//! # }
//! # async fn it_keeps_to_the_contract() {
//! #     let site = json!({"id": "s", "url": "http://h/", "credentials": {"token": "T"}});
//! #     let config = json!({"site": "s", "value": "payload", "valueType": "msg"});
//! #     Harness::of("report").config(config).other_node(site).assert_compliant().await;
//! # }
//! # let mut paused = tokio::runtime::Builder::new_current_thread();
//! # paused.enable_all().start_paused(true);
//! # paused.build().unwrap().block_on(a_report_has_the_value_and_the_token_of_its_site());
//! # paused.build().unwrap().block_on(it_keeps_to_the_contract());
//! ```
//!
//! # The tests
//!
//! The test kit takes the configuration node as `other_node`, with its credentials. The clock is
//! paused: waiting for the second output takes no time.
//!
//! ```no_run
//! # async fn tests() {
//! use ferrowire_testkit::{Harness, json, message};
//!
//! let site = json!({"id": "s", "url": "http://h/", "credentials": {"token": "T"}});
//! let config = json!({"site": "s", "value": "payload.t", "valueType": "msg", "silence": 30});
//! let builder = Harness::of("report").config(config).other_node(site);
//! builder.clone().assert_compliant().await;
//!
//! let mut node = builder.start().await;
//! node.send(message(json!({"payload": {"t": 20}}))).await;
//! assert_eq!(node.next_output(0).await.payload(), Some(&20.into()));
//! assert_eq!(node.next_output(1).await.payload(), Some(&"silent".into()));
//! node.stop().await;
//! # }
//! ```
//!
//! # The dialogs
//!
//! `editor/report.html` has the dialogs of both types. `data-i18n` and `_()` take texts from the catalogs,
//! `type: "report-site"` makes the property a choice of configuration nodes, `typedInput` a field with
//! a type, and the editor stores `credentials` apart from the flow:
//!
//! ```html
//! <script type="text/html" data-template-name="report">
//!   <div class="form-row">
//!     <label for="node-input-site"><i class="fa fa-globe"></i> <span data-i18n="report.site"></span></label>
//!     <input type="text" id="node-input-site">
//!   </div>
//!   <div class="form-row">
//!     <label for="node-input-value"><i class="fa fa-envelope"></i> <span data-i18n="report.value"></span></label>
//!     <input type="text" id="node-input-value">
//!     <input type="hidden" id="node-input-valueType">
//!   </div>
//!   <div class="form-row">
//!     <label for="node-input-silence"><i class="fa fa-clock-o"></i> <span data-i18n="report.silence"></span></label>
//!     <input type="text" id="node-input-silence">
//!   </div>
//! </script>
//! <script type="text/html" data-template-name="report-site">
//!   <div class="form-row">
//!     <label for="node-config-input-url"><i class="fa fa-globe"></i> URL</label>
//!     <input type="text" id="node-config-input-url">
//!   </div>
//!   <div class="form-row">
//!     <label for="node-config-input-token"><i class="fa fa-key"></i> <span data-i18n="report.token"></span></label>
//!     <input type="password" id="node-config-input-token">
//!   </div>
//! </script>
//! <script type="text/javascript">
//!   RED.nodes.registerType("report-site", {
//!     category: "config",
//!     defaults: { url: { value: "", required: true } },
//!     credentials: { token: { type: "password" } },
//!     label: function () { return this.url || "report-site"; },
//!   });
//!   RED.nodes.registerType("report", {
//!     category: "network", color: "#A6BBCF", icon: "report.svg", inputs: 1, outputs: 2,
//!     defaults: {
//!       name: { value: "" },
//!       site: { type: "report-site", required: true },
//!       value: { value: "payload" }, valueType: { value: "msg" },
//!       silence: { value: "60", validate: RED.validators.number() },
//!     },
//!     outputLabels: function (index) { return this._(index === 0 ? "report.report" : "report.silent"); },
//!     label: function () { return this.name || "report"; },
//!     oneditprepare: function () {
//!       $("#node-input-value").typedInput({
//!         types: ["msg", "flow", "global", "num", "jsonata"], typeField: "#node-input-valueType",
//!       });
//!     },
//!   });
//! </script>
//! ```
//!
//! `editor/texts.de.json`, and the same keys in `editor/texts.en-US.json`:
//!
//! ```json
//! {"report": {"site": "Ziel", "value": "Wert", "silence": "Stille (s)", "token": "Schlüssel",
//!             "report": "Bericht", "silent": "keine Nachricht"}}
//! ```
