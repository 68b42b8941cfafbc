//! When `inject` injects automatically.

use std::time::Duration;

use ferrowire_plugin_inject as _;
use ferrowire_testkit::{Harness, json};
use tokio::time::Instant;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

async fn start(timing: &[(&str, serde_json::Value)]) -> Harness {
    let mut config = json!({"payload": "tick", "payloadType": "str"});
    for (name, value) in timing {
        config[*name] = value.clone();
    }
    Harness::of("inject").config(config).patience(DAY).start().await
}

/// The milliseconds at which the next messages arrive.
async fn times(node: &mut Harness, start: Instant, count: usize) -> Vec<u128> {
    let mut times = Vec::new();
    for _ in 0..count {
        assert_eq!(node.next_output(0).await.payload(), Some(&"tick".into()));
        times.push(start.elapsed().as_millis());
    }
    times
}

#[tokio::test(start_paused = true)]
async fn nothing_is_injected_by_itself_unless_wanted() {
    for timing in [
        &[][..],
        &[("once", json!("false")), ("repeat", json!("")), ("crontab", json!(""))],
        &[("repeat", json!("0")), ("onceDelay", json!(5))],
    ] {
        let mut node = start(timing).await;
        node.wait(DAY).await;
        assert!(node.stop().await.outputs[0].is_empty());
    }
}

#[tokio::test(start_paused = true)]
async fn once_comes_after_its_delay_and_a_tenth_of_a_second_by_default() {
    for (delay, expected) in [
        (json!(null), 100),
        (json!(""), 100),
        (json!(0), 100),
        (json!(0.5), 500),
        (json!("2"), 2000),
    ] {
        let begin = Instant::now();
        let mut node = start(&[("once", json!(true)), ("onceDelay", delay)]).await;
        let [at] = times(&mut node, begin, 1).await[..] else { return };
        assert!((expected..=expected + 1).contains(&at), "{at}");
        node.wait(DAY).await;
        assert!(node.stop().await.outputs[0].is_empty(), "it came twice");
    }
}

#[tokio::test(start_paused = true)]
async fn an_interval_repeats_without_drift() {
    let begin = Instant::now();
    let mut node = start(&[("repeat", json!("0.2"))]).await;
    assert_eq!(times(&mut node, begin, 5).await, [200, 400, 600, 800, 1000]);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_interval_begins_after_the_first_injection() {
    let begin = Instant::now();
    let mut node =
        start(&[("once", json!(true)), ("onceDelay", json!(2)), ("repeat", json!(10))]).await;
    assert_eq!(times(&mut node, begin, 3).await, [2000, 12000, 22000]);
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn nothing_comes_after_the_stop() {
    let mut node = start(&[("repeat", json!(1))]).await;
    node.next_output(0).await;
    let stopped = node.stop().await;
    tokio::time::sleep(DAY).await;
    assert!(stopped.outputs[0].is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_crontab_comes_every_minute_of_the_clock() {
    let mut node = start(&[("crontab", json!("* * * * *"))]).await;
    node.next_output(0).await;
    let begin = Instant::now();
    let times = times(&mut node, begin, 60).await;
    for (at, minute) in times.iter().zip(1u128..) {
        assert!(at.abs_diff(minute * 60_000) < 1000, "{times:?}");
    }
    node.stop().await;
}

fn local_now() -> jiff::Zoned {
    jiff::Timestamp::now().to_zoned(ferrowire_zone::local().rules().clone())
}

#[tokio::test(start_paused = true)]
async fn a_crontab_follows_the_local_clock() {
    let begin = (Instant::now(), local_now());
    let hour = (begin.1.hour() + 2) % 24;
    let mut node = start(&[("crontab", json!(format!("0 {hour} * * *")))]).await;
    node.next_output(0).await;
    // The two clocks are not read at the same instant.
    let passed = begin.0.elapsed() + Duration::from_millis(500);
    let at = begin.1.checked_add(passed).map(|at| (at.hour(), at.minute(), at.second()));
    assert!(matches!(at, Ok((found, 0, 0)) if found == hour), "{at:?}");
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn the_patterns_that_the_editor_writes_are_understood() {
    for pattern in [
        "*/5 8-18 * * 1,2",
        "0 8-18 * * *",
        "*/10 22-23,0-5 * * 0,6",
        "00 12 * * *",
        "05 23 * * 1",
        "0 7 * * 0,1,2,3,4,5,6",
        "*/30 7 * * * *",
        "0 0 1 JAN *",
    ] {
        let problems = Harness::of("inject").config(json!({"crontab": pattern})).problems();
        assert!(problems.is_empty(), "{pattern}: {problems:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_crontab_that_never_comes_to_pass_is_an_error() {
    let mut node = start(&[("crontab", json!("0 0 30 2 *"))]).await;
    assert!(node.next_error().await.contains("has no further time"));
    node.stop().await;
}

#[tokio::test(start_paused = true)]
async fn an_injection_by_the_clock_that_fails_is_an_error_and_the_next_one_comes() {
    let config = json!({"repeat": 1, "props": [{"p": "a", "v": "none.x", "vt": "msg"}]});
    let mut node = Harness::of("inject").config(config).start().await;
    for _ in 0..2 {
        assert!(node.next_error().await.contains("property `a`"));
    }
    assert!(node.stop().await.outputs[0].is_empty());
}

#[test]
fn timings_that_cannot_be_are_named() {
    for (name, value, part) in [
        ("repeat", json!("2147484"), "not between 0 and 2147483"),
        ("repeat", json!(-1), "not between"),
        ("repeat", json!("soon"), "expected a number, found `soon`"),
        ("onceDelay", json!("x"), "expected a number"),
        ("onceDelay", json!(1e12), "not between"),
        ("once", json!("maybe"), "`true` or `false`"),
        ("crontab", json!("61 * * * *"), "invalid cron expression `61 * * * *`"),
        ("crontab", json!("every day"), "five fields"),
        ("crontab", json!("30 , * * * *"), "a list has an empty item"),
        ("crontab", json!("0 8,,9 * * *"), "a list has an empty item"),
    ] {
        let problems = Harness::of("inject").config(json!({name: value})).problems();
        assert_eq!(problems.len(), 1, "{name} {problems:?}");
        assert_eq!(problems[0].property, name);
        assert!(problems[0].text.contains(part), "{problems:?}");
    }
}
