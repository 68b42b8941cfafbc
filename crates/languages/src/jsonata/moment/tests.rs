//! The results of moments, compared with a table recorded from Node-RED 5.

use super::super::tests::{error, error_within, evaluate, message};
use super::super::{LIMITS, Limits};

/// Each line has an expression and its result as JSON. They do not depend on the process's time
/// zone.
const RECORDED: &str = include_str!("recorded.txt");

#[test]
fn moments_give_what_they_give_in_node_red() {
    let msg = message(serde_json::json!({
        "payload": 1_700_000_000_123_i64,
        "a": [1, 2],
        "t": "2024-03-05T06:07:08Z",
        "o": {"d": "2024-01-02"},
    }));
    let mut different = Vec::new();
    for line in RECORDED.lines() {
        let (source, expected) = line.rsplit_once(" => ").unwrap();
        let found = match evaluate(source, &msg) {
            Ok(Some(value)) => value.to_json(),
            Ok(None) => "undefined".to_owned(),
            Err(_) => "ERROR".to_owned(),
        };
        let same = found == expected || {
            let value = |text: &str| serde_json::from_str::<serde_json::Value>(text).ok();
            let (found, expected) = (value(&found), value(expected));
            found.is_some() && found == expected
        };
        if !same {
            different.push(format!("{source}\n   found {found}\nexpected {expected}"));
        }
    }
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}

#[test]
fn what_a_moment_cannot_do_is_an_error_that_says_so() {
    for (source, reason) in [
        ("$moment().tz('Nix/Da')", "`tz` of a moment: unknown time zone `Nix/Da`"),
        ("$moment().tz(1)", "expected a time zone as a text"),
        ("$moment().add(1, 'foos')", "`add` of a moment: unknown unit `foos`"),
        ("$moment().add('x', 'day')", "invalid duration `x`"),
        ("$moment().startOf('foo')", "`startOf` of a moment: unknown unit `foo`"),
        ("$moment().year('x')", "`year` of a moment: expected a number"),
        ("$moment().locale('de')", "expected the locale `en`"),
        ("$moment('1', 'D', 'de')", "`$moment`: expected the locale `en`, found `de`"),
        ("$moment(1e15)", "outside of the calendar, which ends with the year 9999"),
        ("$moment($pad('x', 2000), 'D')", "invalid date: more than 1024 bytes"),
        ("$moment().format($pad('x', 5000))", "expected a format of at most 4096 bytes"),
        ("payload.format('x')", "`format` requires a moment"),
    ] {
        let source = source.replace("payload.", "$moment ~> $type; payload.");
        let source = format!("({source})");
        let error = error(&source, serde_json::json!({"payload": {"moment number": 0}}));
        assert!(error.contains(reason), "{source}: {error}");
    }
}

#[test]
fn formats_make_no_more_text_than_an_evaluation_may() {
    let limits = Limits { text: 100_000, ..LIMITS };
    let long = "$map([1..100], function() { $moment().format($pad('', 400, 'LLLL')) })";
    let error = error_within(limits, long);
    assert!(error.contains("more than 100000 bytes of text"), "{error}");
    let patient = std::time::Duration::from_secs(3600);
    let limits = Limits { time: patient, ..LIMITS };
    let many = "$count($map([1..100001], function($n) { $moment($n) }))";
    let error = error_within(limits, many);
    assert!(error.contains("more than 100000 moments"), "{error}");
}

#[test]
fn arguments_are_looked_up_in_the_moment_as_in_node_red() {
    let msg = message(serde_json::json!({"payload": 0, "form": "YYYY"}));
    let found = evaluate("$moment(payload).utc().format(form)", &msg);
    assert_eq!(found, Ok(Some("1970-01-01T00:00:00Z".into())));
    let found = evaluate("$moment(payload).utc().format($$.form)", &msg);
    assert_eq!(found, Ok(Some("1970".into())));
}

#[test]
fn the_last_day_of_the_calendar_is_a_day() {
    let msg = message(serde_json::json!({}));
    for source in ["$moment('9999-12-31')", "$moment('9999-12-31').startOf('month').endOf('year')"]
    {
        for zone in ["utc()", "format('YYYY-MM-DD')"] {
            let found = evaluate(&format!("{source}.{zone}.$string()"), &msg);
            let found = found.unwrap().unwrap().to_json();
            assert!(found.contains("9999-12-3"), "{source} {found}");
        }
    }
    let found = evaluate("$moment('9999-12-31').endOf('day').diff('9999-12-31', 'hours')", &msg);
    assert_eq!(found, Ok(Some(23.into())));
}

#[test]
fn numbers_beyond_every_calendar_are_no_dates() {
    let msg = message(serde_json::json!({}));
    for source in [
        "$moment('9223372036854775807', 'Y')",
        "$moment('9223372036854775807 3', 'Y w')",
        "$moment('99999999999999999999', 'x')",
        "$moment('2024-02-29').year(9e18)",
        "$moment('2024-02-29').weekYear(9e18)",
        "$moment('2024-02-29').month(-9e18)",
        "$moment('2024-02-29').week(9e18)",
        "$moment('2024-02-29').hour(9e18)",
        "$moment('2024-02-29').minute(-9e18)",
        "$moment('2024-02-29').add(9e18, 'years')",
        "$moment('2024-02-29').add(-9e18, 'days')",
        "$moment('2024-02-29').add(9e18, 'hours')",
        "$moment([9e15, 1e15, 1e15])",
        "$moment({'year': 9e18, 'day': -9e18})",
        "$moment('/Date(9223372036854775807)/')",
    ] {
        let found = evaluate(&format!("{source}.isValid()"), &msg);
        assert_eq!(found, Ok(Some(false.into())), "{source}");
    }
}
