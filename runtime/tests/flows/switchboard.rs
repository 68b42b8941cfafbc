//! A flow in which clients say what happens with their messages: whom they are sent to, and requests of
//! `websocket control`.

use serde_json::{Value, json};

use crate::support::{Client, Runtime, listener, node, set_payload, tab, with, ws_in, ws_out};

/// What a switchboard does with a message, by its `do`: control nodes, and outputs to targets.
fn destinations() -> Vec<Value> {
    let control = |id: &str, properties: Value| {
        let all = json!({"server": "l", "action": "", "to": "", "room": "room", "roomType": "msg"});
        with(node(id, "websocket control", all, &["reply"]), properties)
    };
    let out = |id: &str, to: &str, properties: Value| {
        let target = json!({"to": to, "target": "target", "targetType": "msg"});
        with(with(ws_out(id, "l"), target), properties)
    };
    let sessions = json!({"to": "sessions", "target": "target", "targetType": "msg"});
    vec![
        control("control", json!({})),
        control("control of", sessions),
        control("list", json!({"room": "", "roomType": "str"})),
        set_payload("who", "_session", "msg", &["reply"]),
        out("all", "all", json!({})),
        out("others", "others", json!({})),
        out("room", "room", json!({})),
        out("room but me", "room", json!({"except": "sender"})),
        out("sessions", "sessions", json!({})),
        out("user", "user", json!({})),
    ]
}

/// A listener of whole messages at `/ws`: `do` says what happens with one. What control nodes
/// answer, and errors, return to the sender.
pub(crate) fn switchboard(options: Value) -> Value {
    let outputs = destinations();
    let rules: Vec<Value> =
        outputs.iter().map(|it| json!({"t": "eq", "v": it["id"], "vt": "str"})).collect();
    let wires: Vec<Value> = outputs.iter().map(|it| json!([it["id"]])).collect();
    let mut switch = node(
        "switch",
        "switch",
        json!({
            "property": "do", "propertyType": "msg", "checkall": "false", "rules": rules,
            "outputs": rules.len(),
        }),
        &[],
    );
    switch["wires"] = json!(wires);
    let mut nodes = vec![
        tab("tab"),
        with(with(listener("l", "/ws"), json!({"wholemsg": "true"})), options),
        ws_in("in", "l", &["switch"]),
        switch,
        ws_out("reply", "l"),
        node("catch", "catch", json!({"scope": null}), &["failure"]),
        set_payload("failure", "error.message", "msg", &["reply"]),
    ];
    nodes.extend(outputs);
    json!(nodes)
}

/// A client of a switchboard.
pub(crate) struct Member(pub(crate) Client);

impl Member {
    pub(crate) async fn of(runtime: &Runtime) -> Self {
        Member(runtime.connect("/ws").await)
    }

    pub(crate) async fn with_token(runtime: &Runtime, token: &str) -> Self {
        Member(runtime.connect(&format!("/ws?token={token}")).await)
    }

    pub(crate) async fn send(&mut self, message: Value) {
        self.0.send(&message.to_string()).await;
    }

    /// The payload of the next message.
    pub(crate) async fn payload(&mut self) -> Value {
        self.0.json().await["payload"].clone()
    }

    pub(crate) async fn ask(&mut self, message: Value) -> Value {
        self.send(message).await;
        self.payload().await
    }

    pub(crate) async fn id(&mut self) -> String {
        self.ask(json!({"do": "who"})).await["id"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn join(&mut self, room: &str) {
        let answer = self.ask(json!({"do": "control", "action": "join", "room": room})).await;
        assert_eq!(answer, json!({"sessions": 1, "rooms": [room]}));
    }

    /// Asserts that nothing else arrives before the answer to a message sent now.
    pub(crate) async fn has_got_nothing_else(&mut self) {
        assert_eq!(self.ask(json!({"do": "who"})).await["type"], "websocket");
    }
}
