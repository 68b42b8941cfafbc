//! Whom messages are sent to, and `websocket control`, through the real binary.

use serde_json::{Value, json};
use tokio_tungstenite::tungstenite::Message;

use crate::support::{Runtime, listener, tab, with, ws_in, ws_out};
use crate::switchboard::{Member, switchboard};

#[tokio::test]
async fn a_room_gets_a_message_once_each_and_its_sender_may_be_left_out() {
    let runtime = Runtime::start(switchboard(json!({}))).await;
    let (mut a, mut b, mut c) =
        (Member::of(&runtime).await, Member::of(&runtime).await, Member::of(&runtime).await);
    a.join("x").await;
    b.join("x").await;
    b.join("y").await;

    a.send(json!({"do": "room", "target": "x", "payload": 1})).await;
    assert_eq!((a.payload().await, b.payload().await), (json!(1), json!(1)));
    a.send(json!({"do": "room", "target": ["x", "y", "nowhere"], "payload": 2})).await;
    assert_eq!((a.payload().await, b.payload().await), (json!(2), json!(2)));
    a.send(json!({"do": "room but me", "target": "x", "payload": 3})).await;
    assert_eq!(b.payload().await, 3);
    // Who is no member may send to a room.
    c.send(json!({"do": "room", "target": "y", "payload": 4})).await;
    assert_eq!(b.payload().await, 4);
    a.send(json!({"do": "others", "payload": 5})).await;
    assert_eq!((b.payload().await, c.payload().await), (json!(5), json!(5)));
    a.send(json!({"do": "all", "payload": 6})).await;
    for member in [&mut a, &mut b, &mut c] {
        assert_eq!(member.payload().await, 6);
        member.has_got_nothing_else().await;
    }
}

#[tokio::test]
async fn a_user_is_addressed_with_all_sessions_and_nobody_else() {
    let access = json!({
        "auth": "token", "authFrom": "query:token",
        "credentials": {"authTokens": "ann:a-token\nbob:b-token\nguest"},
    });
    let runtime = Runtime::start(switchboard(access)).await;
    let mut ann = Member::with_token(&runtime, "a-token").await;
    let mut ann_again = Member::with_token(&runtime, "a-token").await;
    let mut bob = Member::with_token(&runtime, "b-token").await;
    let mut guest = Member::with_token(&runtime, "guest").await;
    // Each is a session now.
    for member in [&mut ann, &mut ann_again, &mut guest] {
        member.has_got_nothing_else().await;
    }
    bob.send(json!({"do": "user", "target": "ann", "payload": 1})).await;
    assert_eq!((ann.payload().await, ann_again.payload().await), (json!(1), json!(1)));
    bob.send(json!({"do": "user", "target": ["bob", "ann", "nobody"], "payload": 2})).await;
    for member in [&mut ann, &mut ann_again, &mut bob] {
        assert_eq!(member.payload().await, json!(2));
    }
    for member in [&mut ann, &mut ann_again, &mut bob, &mut guest] {
        member.has_got_nothing_else().await;
    }
}

#[tokio::test]
async fn certain_sessions_are_addressed_by_their_ids() {
    let runtime = Runtime::start(switchboard(json!({}))).await;
    let (mut a, mut b, mut c) =
        (Member::of(&runtime).await, Member::of(&runtime).await, Member::of(&runtime).await);
    let (b_id, c_id) = (b.id().await, c.id().await);
    a.send(json!({"do": "sessions", "target": b_id, "payload": 1})).await;
    assert_eq!(b.payload().await, 1);
    a.send(json!({"do": "sessions", "target": [b_id, c_id, b_id, "gone"], "payload": 2})).await;
    assert_eq!((b.payload().await, c.payload().await), (json!(2), json!(2)));
    for member in [&mut a, &mut b, &mut c] {
        member.has_got_nothing_else().await;
    }
    let error = a.ask(json!({"do": "sessions", "payload": 3})).await;
    assert_eq!(error, "`target` is empty, so nobody is addressed with `sessions`");
    let error = a.ask(json!({"do": "sessions", "target": {"a": 1}, "payload": 3})).await;
    assert_eq!(error, "expected a string or a list of strings as `target`, found object");
}

#[tokio::test]
async fn who_leaves_a_room_or_ends_gets_no_more_of_it() {
    let runtime = Runtime::start(switchboard(json!({}))).await;
    let (mut a, mut b) = (Member::of(&runtime).await, Member::of(&runtime).await);
    for member in [&mut a, &mut b] {
        member.join("x").await;
        member.join("y").await;
    }
    let count = json!({"do": "control", "action": "count", "room": "x"});
    assert_eq!(a.ask(count.clone()).await, 2);
    let left = b.ask(json!({"do": "control", "action": "leave", "room": "x"})).await;
    assert_eq!(left, json!({"sessions": 1, "rooms": ["x"]}));
    assert_eq!(a.ask(count.clone()).await, 1);
    let left = a.ask(json!({"do": "list", "action": "leaveAll"})).await;
    assert_eq!(left, json!({"sessions": 1}));
    assert_eq!(a.ask(count).await, 0);
    a.send(json!({"do": "room", "target": "x", "payload": 1})).await;
    a.has_got_nothing_else().await;
    b.has_got_nothing_else().await;
    let mut events = runtime.events().await;
    b.0.close().await;
    events.status("reply", "connected 1").await;
    assert_eq!(a.ask(json!({"do": "control", "action": "count", "room": "y"})).await, 0);
}

#[tokio::test]
async fn sessions_are_listed_with_their_rooms_and_data() {
    let runtime = Runtime::start(switchboard(json!({}))).await;
    let (mut a, mut b) = (Member::of(&runtime).await, Member::of(&runtime).await);
    let (a_id, b_id) = (a.id().await, b.id().await);
    b.join("x").await;
    let set = json!({"do": "control of", "action": "set", "target": b_id, "room": "-",
        "payload": {"name": "bee"}});
    assert_eq!(a.ask(set).await, json!({"sessions": 1}));
    assert_eq!(b.ask(json!({"do": "who"})).await["data"], json!({"name": "bee"}));
    let list = a.ask(json!({"do": "list", "action": "list"})).await;
    let list = list.as_array().unwrap();
    let ids: Vec<_> = list.iter().map(|session| session["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [&a_id, &b_id]);
    assert_eq!((&list[0]["rooms"], &list[1]["rooms"]), (&json!([]), &json!(["x"])));
    assert_eq!((&list[0]["ip"], &list[1]["data"]), (&json!("127.0.0.1"), &json!({"name": "bee"})));
    let members = a.ask(json!({"do": "control", "action": "list", "room": "x"})).await;
    assert_eq!(members.as_array().unwrap().len(), 1);
    // The data does not change where answers go.
    b.has_got_nothing_else().await;
}

#[tokio::test]
async fn a_long_list_has_pages() {
    let runtime = Runtime::start(switchboard(json!({}))).await;
    let mut asking = Member::of(&runtime).await;
    let mut others = Vec::new();
    for _ in 0..1_001 {
        others.push(runtime.connect("/ws").await);
    }
    asking.send(json!({"do": "list", "action": "list"})).await;
    let first = asking.0.json().await;
    assert_eq!(first["payload"].as_array().unwrap().len(), 1_000);
    // Sessions that end shift no others.
    drop(others.drain(..500));
    asking.send(json!({"do": "list", "action": "list", "cursor": first["cursor"]})).await;
    let second = asking.0.json().await;
    assert_eq!(second["payload"].as_array().unwrap().len(), 2);
    assert_eq!(second.get("cursor"), None);
}

#[tokio::test]
async fn what_cannot_be_done_is_said() {
    let runtime = Runtime::start(switchboard(json!({"maxRooms": "2"}))).await;
    let mut a = Member::of(&runtime).await;
    let id = a.id().await;
    a.join("x").await;
    a.join("y").await;
    let join = |room: Value| json!({"do": "control", "action": "join", "room": room});
    assert_eq!(
        a.ask(join(json!("z"))).await,
        format!(
            "the session `{id}` is in 2 rooms, the most that `maxRooms` allows; \
             let it leave one first"
        )
    );
    // A room that it is in already does not count.
    assert_eq!(a.ask(join(json!("x"))).await, json!({"sessions": 0, "rooms": ["x"]}));
    let name = "n".repeat(10 << 20);
    assert_eq!(
        a.ask(join(json!(name))).await,
        "the name `nnnnnnnnnnnnnnnnnnnn…` of a room has 10485760 bytes; the longest has 256"
    );
    assert_eq!(a.ask(join(json!(""))).await, "`room` is empty for this message");
    let of = |action: &str, target: Value| json!({"do": "control of", "action": action, "target": target, "room": "x"});
    assert_eq!(a.ask(of("join", json!("gone"))).await, "there is no session `gone`");
    assert_eq!(
        a.ask(of("leave", json!([id, "gone"]))).await,
        json!({"sessions": 1, "rooms": ["x"], "missing": ["gone"]})
    );
    let error = a.ask(of("dance", json!(id))).await;
    assert!(error.as_str().unwrap().starts_with("unknown action `dance`; expected `join`,"));
    let mut close = of("close", json!(id));
    close["code"] = json!(1006);
    let error = a.ask(close).await;
    assert_eq!(error, "expected a close code of 1000 to 1003, 1007 to 1014 or 3000 to 4999");
}

#[tokio::test]
async fn clients_join_the_rooms_that_the_listener_allows() {
    let options = json!({"clientRooms": "news, chat-*", "maxRooms": "2"});
    let runtime = Runtime::start(switchboard(options)).await;
    let (mut a, mut b) = (Member::of(&runtime).await, Member::of(&runtime).await);
    let mut ask = async |message: &str| {
        a.0.send(message).await;
        a.0.json().await
    };
    assert_eq!(ask(r#"{"join": "news"}"#).await, json!({"joined": "news"}));
    assert_eq!(
        ask(r#" {"join": ["chat-1", "news"]}"#).await,
        json!({"joined": ["chat-1", "news"]})
    );
    let error = "clients may not join or leave the room `admins`";
    assert_eq!(ask(r#"{"join": "admins"}"#).await, json!({"join": "admins", "error": error}));
    let full = ask(r#"{"join": "chat-2"}"#).await;
    assert!(full["error"].as_str().unwrap().contains("the most that `maxRooms` allows"));
    assert_eq!(ask(r#"{"leave": "chat-1"}"#).await, json!({"left": "chat-1"}));
    let wrong = ask(r#"{"join": 1.5e300}"#).await;
    assert!(wrong["error"].is_string(), "{wrong}");

    b.send(json!({"do": "room", "target": ["news", "chat-1", "admins"], "payload": 1})).await;
    assert_eq!(a.payload().await, 1);
    // What has other properties as well is a message to the flow.
    a.send(json!({"do": "control", "action": "count", "join": "x", "room": "news"})).await;
    assert_eq!(a.payload().await, 1);
}

#[tokio::test]
async fn an_empty_text_is_sent_if_the_node_says_so() {
    for (send_empty, to) in [("true", ""), ("true", "all"), ("", "")] {
        let properties = json!({"sendEmpty": send_empty, "to": to});
        let runtime = Runtime::start(json!([
            tab("tab"),
            listener("l", "/ws"),
            ws_in("in", "l", &["out"]),
            with(ws_out("out", "l"), properties),
        ]))
        .await;
        let mut client = runtime.connect("/ws").await;
        client.send("").await;
        client.send("end").await;
        if send_empty == "true" {
            assert_eq!(client.next().await, Message::text(""));
        }
        assert_eq!(client.text().await, "end", "{send_empty} {to}");
    }
}

#[tokio::test]
async fn many_rooms_each_get_their_own_messages() {
    let options = json!({"clientRooms": "*"});
    let runtime = Runtime::start(switchboard(options)).await;
    let mut sender = Member::of(&runtime).await;
    let mut members = Vec::new();
    for at in 0..1_000 {
        let mut member = Member::of(&runtime).await;
        member.0.send(&json!({"join": format!("room {at}")}).to_string()).await;
        assert_eq!(member.0.json().await["joined"], format!("room {at}"));
        members.push(member);
    }
    for at in 0..members.len() {
        let room = format!("room {at}");
        sender.send(json!({"do": "room", "target": room, "payload": at})).await;
    }
    for (at, member) in members.iter_mut().enumerate() {
        assert_eq!(member.payload().await, at);
    }
    for member in members.iter_mut().step_by(100) {
        member.has_got_nothing_else().await;
    }
}
