//! Requests that concern sessions of other instances, and who is there.

use serde_json::{Value, json};

use crate::nats::Nats;
use crate::support::Runtime;
use crate::switchboard::Member;
use crate::{begin, count, instances};

/// Short times, for instances that die.
const SHORT: &[&str] = &["--cluster-ttl", "2", "--cluster-timeout", "0.5"];

#[tokio::test]
async fn a_control_node_changes_lists_and_counts_sessions_of_other_instances() {
    let nats = Nats::start().await;
    let instances = instances(&nats, 3, &[]).await;
    let mut a = Member::with_token(&instances[0], "a").await;
    let mut b = Member::with_token(&instances[1], "b").await;
    let mut c = Member::with_token(&instances[2], "c").await;
    let (a_id, b_id, c_id) = (a.id().await, b.id().await, c.id().await);
    assert_eq!(count(&mut a).await, 3);

    let of = |action: &str, target: Value| json!({"do": "control of", "action": action, "room": "x", "target": target});
    let joined = a.ask(of("join", json!([a_id, b_id, "gone@2", "gone@nowhere"]))).await;
    let missing = json!(["gone@nowhere", "gone@2"]);
    assert_eq!(joined, json!({"sessions": 2, "rooms": ["x"], "missing": missing}));
    c.send(json!({"do": "room", "target": "x", "payload": "to the room"})).await;
    assert_eq!(
        (a.payload().await, b.payload().await),
        (json!("to the room"), json!("to the room"))
    );
    let in_room = json!({"do": "control", "action": "count", "room": "x"});
    assert_eq!(c.ask(in_room.clone()).await, 2);
    assert_eq!(c.ask(of("leave", json!(b_id))).await, json!({"sessions": 1, "rooms": ["x"]}));
    assert_eq!(c.ask(in_room).await, 1);
    assert_eq!(a.ask(of("leave", json!("gone@1"))).await, "there is no session `gone@1`");

    let mut set = of("set", json!(c_id));
    set["payload"] = json!({"name": "cee"});
    assert_eq!(a.ask(set).await, json!({"sessions": 1}));
    let list = b.ask(json!({"do": "list", "action": "list"})).await;
    let ids: Vec<&Value> = list.as_array().unwrap().iter().map(|it| &it["id"]).collect();
    assert_eq!(ids, [&json!(a_id), &json!(b_id), &json!(c_id)]);
    assert_eq!((&list[0]["rooms"], &list[2]["data"]), (&json!(["x"]), &json!({"name": "cee"})));

    let mut close = of("close", json!(c_id));
    close["code"] = json!(3001);
    assert_eq!(a.ask(close).await, json!({"sessions": 1}));
    assert_eq!(u16::from(c.0.closed().await.unwrap().code), 3001);
}

#[tokio::test]
async fn a_long_list_has_pages_over_all_instances() {
    let nats = Nats::start().await;
    let instances = instances(&nats, 3, &[]).await;
    let mut asking = Member::with_token(&instances[1], "a").await;
    let mut others = Vec::new();
    for instance in [&instances[0], &instances[2]] {
        for _ in 0..600 {
            others.push(instance.connect("/ws?token=b").await);
        }
    }
    asking.send(json!({"do": "list", "action": "list"})).await;
    let first = asking.0.json().await;
    assert_eq!(first["payload"].as_array().unwrap().len(), 1_000);
    assert!(first["cursor"].as_str().unwrap().ends_with("@2"), "{}", first["cursor"]);
    asking.send(json!({"do": "list", "action": "list", "cursor": first["cursor"]})).await;
    let second = asking.0.json().await;
    assert_eq!((second["payload"].as_array().unwrap().len(), second.get("cursor")), (201, None));
    let ids = |page: &Value| -> Vec<String> {
        let list = page["payload"].as_array().unwrap();
        list.iter().map(|it| it["id"].as_str().unwrap().to_owned()).collect()
    };
    let mut all = [ids(&first), ids(&second)].concat();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 1_201, "each is listed once");
}

#[tokio::test]
async fn who_is_killed_is_named_until_its_time_to_live_ends_and_who_stops_is_gone_at_once() {
    let nats = Nats::start().await;
    let mut instances = instances(&nats, 3, SHORT).await;
    let mut a = Member::with_token(&instances[0], "a").await;
    let mut c = Member::with_token(&instances[2], "c").await;
    let _b = Member::with_token(&instances[1], "b").await;
    let c_id = c.id().await;
    assert_eq!(count(&mut a).await, 3);
    instances[2].signal("-KILL");
    instances[2].ended().await;
    a.send(json!({"do": "list", "action": "count"})).await;
    let answer = a.0.json().await;
    assert_eq!((&answer["payload"], &answer["unanswered"]), (&json!(2), &json!(["2"])));
    instances[0].log_line("the instance `2` of the cluster gives no sign of life").await;
    assert_eq!(count(&mut a).await, 2);
    // Its sessions are gone, as on one machine.
    let close = json!({"do": "control of", "action": "close", "target": c_id, "room": "-"});
    assert_eq!(a.ask(close).await, format!("there is no session `{c_id}`"));

    let (_, code) = instances.remove(1).terminate().await;
    assert_eq!(code, Some(0));
    instances[0].log_line("the instance `1` has left the cluster").await;
    assert_eq!(count(&mut a).await, 1);
}

#[tokio::test]
async fn an_instance_that_was_stopped_for_longer_than_it_may_live_comes_back() {
    let nats = Nats::start().await;
    let mut instances = instances(&nats, 2, SHORT).await;
    let mut a = Member::with_token(&instances[0], "a").await;
    let mut b = Member::with_token(&instances[1], "b").await;
    assert_eq!(count(&mut a).await, 2);
    instances[1].signal("-STOP");
    instances[0].log_line("the instance `1` of the cluster gives no sign of life").await;
    assert_eq!(count(&mut a).await, 1);
    instances[1].signal("-CONT");
    instances[0].log_line("the instance `1` is in the cluster").await;
    assert_eq!(count(&mut a).await, 2);
    a.send(json!({"do": "others", "payload": "again"})).await;
    assert_eq!(b.payload().await, "again");
}

#[tokio::test]
async fn a_second_instance_of_the_same_name_is_reported() {
    let nats = Nats::start().await;
    let mut first = begin(&nats, "same", SHORT).await;
    let _second: Runtime = begin(&nats, "same", SHORT).await;
    first.log_line("has the name `same` as well; set another `instance-name`").await;
}

/// What the admin API of an instance answers, as JSON.
pub(crate) async fn asked(instance: &Runtime, method: &str, path: &str) -> Value {
    let head = "Host: localhost\r\nConnection: close\r\nContent-Length: 0";
    let request = format!("{method} /ferrowire/websocket/l/{path} HTTP/1.1\r\n{head}\r\n\r\n");
    let response = instance.raw(&request).await;
    let (_, body) = response.split_once("\r\n\r\n").unwrap();
    serde_json::from_str(body).unwrap_or_else(|_| json!(response))
}

#[tokio::test]
async fn the_admin_api_lists_the_sessions_and_rooms_of_all_instances_and_pings_any_session() {
    let nats = Nats::start().await;
    let mut instances = instances(&nats, 2, SHORT).await;
    let mut a = Member::with_token(&instances[0], "a").await;
    let mut b = Member::with_token(&instances[1], "b").await;
    for member in [&mut a, &mut b] {
        member.join("x").await;
    }
    b.join("y").await;
    let (a_id, b_id) = (a.id().await, b.id().await);
    for instance in &instances {
        let found = asked(instance, "GET", "sessions").await;
        assert_eq!(found["total"], 2);
        let list = found["sessions"].as_array().unwrap();
        let of = |name: &str| list.iter().map(|it| it[name].clone()).collect::<Vec<Value>>();
        assert_eq!(
            (of("id"), of("instance")),
            (vec![json!(a_id), json!(b_id)], vec![json!("0"), json!("1")])
        );
        let second = asked(instance, "GET", "sessions?offset=1&limit=1").await;
        assert_eq!((&second["total"], &second["sessions"][0]["id"]), (&json!(2), &json!(b_id)));
        assert_eq!(second["sessions"].as_array().unwrap().len(), 1);
        let rooms = asked(instance, "GET", "rooms").await;
        let mut rooms: Vec<String> =
            rooms["rooms"].as_array().unwrap().iter().map(Value::to_string).collect();
        rooms.sort();
        let expected = [("x", "0"), ("x", "1"), ("y", "1")]
            .map(|(name, at)| json!({"name": name, "count": 1, "instance": at}).to_string());
        assert_eq!(rooms, expected);
    }
    let path = format!("ping?session={}", b_id.replace('@', "%40"));
    let mut pings = 0;
    let pong = async {
        let mut pong = std::pin::pin!(asked(&instances[0], "POST", &path));
        loop {
            tokio::select! {
                pong = &mut pong => return pong,
                // Reading answers pings.
                frame = b.0.next() => pings += usize::from(frame.is_ping()),
            }
        }
    };
    let pong = pong.await;
    assert!(pong["milliseconds"].as_f64().unwrap() > 0.0 && pings == 1, "{pong} {pings}");
    let gone = asked(&instances[0], "POST", "ping?session=gone%401").await;
    assert!(gone.as_str().unwrap().contains("there is no such session"), "{gone}");
    instances[1].signal("-KILL");
    let found = asked(&instances[0], "GET", "sessions").await;
    assert_eq!((&found["total"], &found["unanswered"]), (&json!(1), &json!(["1"])));
    instances[0].log_line("gives no sign of life").await;
    let found = asked(&instances[0], "GET", "sessions").await;
    assert_eq!((&found["total"], found.get("unanswered")), (&json!(1), None));
}
