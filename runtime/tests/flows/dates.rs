//! Dates with time zones, through the real binary in a fixed time zone.

use serde_json::{Value, json};

use crate::support::{Runtime, listener, node, tab, ws_in, ws_out};

/// `/ws/moment` answers with the result of an expression.
fn flows(expression: &str) -> Value {
    let set = json!({"rules": [{"t": "set", "p": "payload", "pt": "msg", "to": expression, "tot": "jsonata"}]});
    json!([
        tab("tab"),
        listener("l", "/ws/moment"),
        ws_in("in", "l", &["set"]),
        node("set", "change", set, &["out"]),
        ws_out("out", "l"),
    ])
}

#[tokio::test]
async fn moments_are_shown_in_the_time_zone_of_the_process() {
    let expression = "$moment(payload).format('YYYY-MM-DD HH:mm:ssZ') & ' '
        & $moment('2024-07-01').add(1, 'day').toISOString() & ' '
        & $moment(payload).tz('America/New_York').format('LLLL z')";
    let runtime = Runtime::start_with(flows(expression), &[], &[("TZ", "Europe/Berlin")]).await;
    let mut client = runtime.connect("/ws/moment").await;
    client.send("2024-03-31T01:30:00Z").await;
    assert_eq!(
        client.text().await,
        "2024-03-31 03:30:00+02:00 2024-07-01T22:00:00.000Z Saturday, March 30, 2024 9:30 PM EDT"
    );
}

#[tokio::test]
async fn a_date_that_a_function_made_is_one_two_nodes_and_a_context_later() {
    let make = "return {payload: new Date(Number(msg.payload)), list: [undefined], big: 2n ** 64n,
        none: undefined, _session: msg._session};";
    let keep = json!({"rules": [
        {"t": "set", "p": "kept", "pt": "flow", "to": "payload", "tot": "msg"},
        {"t": "set", "p": "back", "pt": "msg", "to": "kept", "tot": "flow"}]});
    let read =
        "msg.payload = [msg.payload.getTime(), msg.back.toISOString(), flow.get('kept').getTime(),
        'none' in msg, msg.list[0] === undefined, msg.big === 2n ** 64n, 'end'].join();
        return msg;";
    let flows = json!([
        tab("tab"),
        listener("l", "/ws/date"),
        ws_in("in", "l", &["make"]),
        node("make", "function", json!({"func": make}), &["keep", "raw", "json"]),
        node("keep", "change", keep, &["read"]),
        node("read", "function", json!({"func": read}), &["out"]),
        ws_out("raw", "l"),
        node("json", "json", json!({"property": "list", "action": "str"}), &["show"]),
        node("show", "function", json!({"func": "return {...msg, payload: msg.list}"}), &["out"]),
        ws_out("out", "l"),
    ]);
    let runtime = Runtime::start(flows).await;
    let mut client = runtime.connect("/ws/date").await;
    client.send("86400000").await;
    assert_eq!(
        client.text().await,
        "86400000,1970-01-02T00:00:00.000Z,86400000,true,true,true,end"
    );
    assert_eq!(client.text().await, r#""1970-01-02T00:00:00.000Z""#);
    assert_eq!(client.text().await, "[null]");
}

#[tokio::test]
async fn what_json_lacks_is_sent_as_node_red_sends_it_or_is_an_error() {
    let code = "const make = {undefined, big: 10n, nested: [10n], list: [undefined], object: {a: undefined}};
        return {...msg, payload: make[msg.payload]};";
    let caught = json!({"func": "return {payload: msg.error.message, _session: msg._session}"});
    let flows = json!([
        tab("tab"),
        listener("l", "/ws/make"),
        ws_in("in", "l", &["make"]),
        node("make", "function", json!({"func": code}), &["out"]),
        ws_out("out", "l"),
        // Only one of the endpoint's two users is watched.
        node("catch", "catch", json!({"scope": ["out"], "uncaught": false}), &["why"]),
        node("why", "function", caught, &["out"]),
    ]);
    let runtime = Runtime::start(flows).await;
    let mut client = runtime.connect("/ws/make").await;
    for (name, sent) in [
        ("undefined", "undefined"),
        ("big", "10"),
        ("nested", "cannot print a BigInt as JSON; convert it to a number or a string first"),
        ("list", "[null]"),
        ("object", "{}"),
    ] {
        client.send(name).await;
        assert_eq!(client.text().await, sent, "{name}");
    }
}

#[tokio::test]
async fn functions_show_dates_in_the_zone_and_the_words_of_the_process() {
    let code = "const date = new Date(msg.payload);
        const { timeZone, locale } = Intl.DateTimeFormat().resolvedOptions();
        msg.payload = [date.toLocaleString(), date.toLocaleTimeString([], {hour: '2-digit', minute: '2-digit'}),
            date.toLocaleDateString('en-GB', {timeZone: 'America/New_York', dateStyle: 'full'}),
            timeZone, locale, date.getHours()].join(' | ');
        return msg;";
    let flows = json!([
        tab("tab"),
        listener("l", "/ws/date"),
        ws_in("in", "l", &["show"]),
        node("show", "function", json!({"func": code}), &["out"]),
        ws_out("out", "l"),
    ]);
    let env = [("TZ", "Europe/Berlin"), ("LC_ALL", "de_DE.UTF-8")];
    let runtime = Runtime::start_with(flows, &[], &env).await;
    let mut client = runtime.connect("/ws/date").await;
    client.send("2024-03-31T01:30:00Z").await;
    assert_eq!(
        client.text().await,
        "31.3.2024, 03:30:00 | 03:30 | Saturday, 30 March 2024 | Europe/Berlin | de-DE | 3"
    );
}

/// For each `TZ`, expressions and what they give: recorded from Node.js 20.
const RECORDED: &str = include_str!("dates.txt");

/// `/ws/evaluate` answers an expression with its text.
fn evaluator() -> Value {
    let code = "try { msg.payload = String(new Function('return (' + msg.payload + ')')()); }
        catch (error) { msg.payload = `${error.name}: ${error.message}`; }
        return msg;";
    json!([
        tab("tab"),
        listener("l", "/ws/evaluate"),
        ws_in("in", "l", &["run"]),
        node("run", "function", json!({"func": code}), &["out"]),
        ws_out("out", "l"),
    ])
}

#[tokio::test]
async fn dates_in_functions_are_those_of_node_in_every_zone() {
    for part in RECORDED.split("TZ=").filter(|part| !part.is_empty()) {
        let (zone, lines) = part.split_once('\n').unwrap();
        let runtime = Runtime::start_with(evaluator(), &[], &[("TZ", zone)]).await;
        let mut client = runtime.connect("/ws/evaluate").await;
        let mut different = Vec::new();
        for line in lines.lines() {
            let (source, expected) = line.rsplit_once(" => ").unwrap();
            client.send(source).await;
            let found = client.text().await;
            if found != expected {
                different.push(format!("{source}\n   found {found}\nexpected {expected}"));
            }
        }
        assert!(different.is_empty(), "{zone}:\n{}", different.join("\n"));
    }
}

#[tokio::test]
async fn functions_expressions_and_moments_share_the_zone_of_a_rule() {
    let code = "const date = new Date(msg.payload);
        return {...msg, payload: [date.getHours(), date.getTimezoneOffset(), date.toLocaleTimeString('de-DE'),
            String(Intl.DateTimeFormat().resolvedOptions().timeZone), date.toTimeString()].join(' | ')};";
    let moment = json!({"rules": [{"t": "set", "p": "payload", "pt": "msg", "to": "payload & ' | ' & $moment(at).format('HH:mm Z')", "tot": "jsonata"}]});
    let keep =
        json!({"rules": [{"t": "set", "p": "at", "pt": "msg", "to": "payload", "tot": "msg"}]});
    let flows = json!([
        tab("tab"),
        listener("l", "/ws/zone"),
        ws_in("in", "l", &["keep"]),
        node("keep", "change", keep, &["show"]),
        node("show", "function", json!({"func": code}), &["moment"]),
        node("moment", "change", moment, &["out"]),
        ws_out("out", "l"),
    ]);
    for (zone, expected) in [
        ("UTC+3", "9 | 180 | 09:00:00 | undefined | 09:00:00 GMT-0300 (GMT-03:00) | 09:00 -03:00"),
        ("MEZ-1", "13 | -60 | 13:00:00 | undefined | 13:00:00 GMT+0100 (GMT+01:00) | 13:00 +01:00"),
        (
            ":Asia/Kolkata",
            "17 | -330 | 17:30:00 | Asia/Kolkata | 17:30:00 GMT+0530 (India Standard Time) | 17:30 +05:30",
        ),
    ] {
        let runtime = Runtime::start_with(flows.clone(), &[], &[("TZ", zone)]).await;
        let mut client = runtime.connect("/ws/zone").await;
        client.send("2026-07-01T12:00:00Z").await;
        assert_eq!(client.text().await, expected, "{zone}");
    }
}

#[tokio::test]
async fn a_zone_that_is_none_is_named_in_the_log() {
    let flows = json!([tab("tab")]);
    let mut runtime = Runtime::start_with(flows, &[], &[("TZ", "Europe/Nowhere")]).await;
    runtime.log_line("`TZ` is `Europe/Nowhere`, which is no time zone; local times are UTC").await;
}
