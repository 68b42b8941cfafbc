//! Dates in words and zones, through the real binary in a time zone of its own.

use serde_json::{Value, json};

use crate::support::{Runtime, listener, node, tab, ws_in, ws_out};

/// `/ws/moment` answers with what an expression makes of a message.
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
