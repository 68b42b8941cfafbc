//! `Intl` and what belongs to it shows the same as in Node.

use ferrowire::Message;
use ferrowire_plugin_function as _;
use ferrowire_testkit::{Harness, json};

/// An expression and its text there, in each line: recorded from Node 26 with ICU 78.
const RECORDED: &str = include_str!("intl.txt");

/// Answers each message, an expression, with its text.
async fn evaluator(env: &[(&str, &str)]) -> Harness {
    let run = "try { msg.payload = String(new Function('return (' + msg.payload + ')')()); }
        catch (error) { msg.payload = `${error.name}: ${error.message}`; }
        return msg;";
    let builder = Harness::of("function").config(json!({"func": run}));
    env.iter().fold(builder, |builder, (name, value)| builder.env(name, *value)).start().await
}

async fn evaluate(node: &mut Harness, source: &str) -> String {
    node.send(Message::with_payload(source)).await;
    let found = node.next_output(0).await;
    found.payload().and_then(|value| value.as_str()).unwrap_or_default().to_owned()
}

#[tokio::test]
async fn dates_numbers_and_words_are_shown_as_in_node() {
    let mut node = evaluator(&[]).await;
    let mut different = Vec::new();
    for line in RECORDED.lines() {
        let (source, expected) = line.rsplit_once(" => ").unwrap();
        let found = evaluate(&mut node, source).await;
        if found != expected {
            different.push(format!("{source}\n   found {found}\nexpected {expected}"));
        }
    }
    node.stop().await;
    assert!(different.is_empty(), "{} differ:\n{}", different.len(), different.join("\n"));
}

/// Code, and what its error has in it.
const MISSING: &[(&str, &str)] = &[
    (
        "new Date().toLocaleString('th-TH')",
        "RangeError: the locale `th-TH` is not known to `Intl` here",
    ),
    (
        "(1).toLocaleString('de', {notation: 'scientific'})",
        "`notation: 'scientific'` of Number.prototype.toLocaleString is not there",
    ),
    ("(1).toLocaleString('de', {style: 'unit', unit: 'liter'})", "`style: 'unit'`"),
    (
        "(1).toLocaleString('de', {style: 'currency', currency: 'EUR', currencyDisplay: 'name'})",
        "`currencyDisplay: 'name'`",
    ),
    ("(1).toLocaleString('de', {roundingIncrement: 5})", "`roundingIncrement: '5'`"),
    ("new Date().toLocaleString('de', {era: 'long'})", "the option `era` of"),
    (
        "new Date().toLocaleString('de', {hour: 'numeric', dayPeriod: 'long'})",
        "the option `dayPeriod` of",
    ),
    (
        "new Date().toLocaleString('de', {timeZoneName: 'longGeneric'})",
        "`timeZoneName: 'longGeneric'`",
    ),
    ("new Date().toLocaleString('de', {calendar: 'buddhist'})", "`calendar: 'buddhist'`"),
    ("new Date().toLocaleString('de-u-ca-buddhist')", "`-u-ca` in `de-u-ca-buddhist`"),
    ("(1).toLocaleString('de', {numberingSystem: 'arab'})", "`numberingSystem: 'arab'`"),
    (
        "new Intl.DateTimeFormat('de').formatRange(0, 1)",
        "`formatRange` of Intl.DateTimeFormat is not there",
    ),
    ("new Intl.Collator('de', {usage: 'search'})", "`usage: 'search'`"),
    ("new Date(8e15).toLocaleString('de')", "RangeError: only the years up to 9999 are known"),
    ("(1).toLocaleString('de', {style: 'foo'})", "RangeError: Value foo out of range for"),
    (
        "new Intl.ListFormat('de').format(Array(1e5).fill('x'.repeat(1e3)))",
        "RangeError: a list of more than",
    ),
    (
        "new Intl.NumberFormat('de').format('1' + '0'.repeat(5000))",
        "RangeError: a number of more than",
    ),
    ("'a'.localeCompare('b', 'd')", "RangeError: Invalid language tag: d"),
    (
        "String.prototype.localeCompare.call(null, 'b')",
        "TypeError: String.prototype.localeCompare called on null",
    ),
    ("Date.prototype.toLocaleString.call(1)", "TypeError"),
    (
        "Intl.DateTimeFormat.prototype.formatToParts.call({})",
        "TypeError: Method Intl.DateTimeFormat",
    ),
    ("typeof Intl.DisplayNames", "undefined"),
    // Options that were taken before do not let others pass.
    (
        "(1).toLocaleString('de', {minimumFractionDigits: null}) + (1).toLocaleString('de', {minimumFractionDigits: NaN})",
        "RangeError: minimumFractionDigits",
    ),
    ("(1).toLocaleString('de', Object.create({minimumFractionDigits: 2}))", "1,00"),
];

#[tokio::test]
async fn what_is_not_there_is_an_error_that_says_so() {
    let mut node = evaluator(&[]).await;
    for (source, expected) in MISSING {
        let found = evaluate(&mut node, source).await;
        assert!(found.contains(expected), "{source}: {found}");
    }
    node.stop().await;
}

#[tokio::test]
async fn the_usual_locale_is_that_of_the_surroundings() {
    for (env, expected) in [
        (&[("LANG", "de_DE.UTF-8")][..], "de-DE 1.234,5"),
        (&[("LC_ALL", "fr_FR@euro"), ("LANG", "de_DE.UTF-8")], "fr-FR 1\u{202f}234,5"),
        (&[("LC_ALL", "C.UTF-8")], "en-US 1,234.5"),
        (&[("LC_ALL", "tlh_AQ")], "en-US 1,234.5"),
    ] {
        let mut node = evaluator(env).await;
        let source =
            "Intl.NumberFormat().resolvedOptions().locale + ' ' + (1234.5).toLocaleString()";
        assert_eq!(evaluate(&mut node, source).await, expected);
        node.stop().await;
    }
}

#[tokio::test]
async fn code_can_put_its_own_in_place_of_intl() {
    let mut node = evaluator(&[]).await;
    let source =
        "(globalThis.Intl = 5, Intl + new Date(0).toLocaleDateString('de', {timeZone: 'UTC'}))";
    assert_eq!(evaluate(&mut node, source).await, "51.1.1970");
    node.stop().await;
}

#[tokio::test]
async fn a_language_that_is_none_is_the_usual_one() {
    let mut node = evaluator(&[("LANG", "de_DE.UTF-8")]).await;
    for (source, expected) in [
        ("new Date(0).toLocaleString('default', {month: 'long', timeZone: 'UTC'})", "Januar"),
        ("(1234.5).toLocaleString('xq-ZZ')", "1.234,5"),
        ("(1234.5).toLocaleString(['browser', 'en'])", "1,234.5"),
        ("new Intl.NumberFormat('system').resolvedOptions().locale", "de-DE"),
        ("Intl.NumberFormat.supportedLocalesOf(['default', 'de'])", "de"),
        ("(1).toLocaleString('abcd')", "RangeError: Invalid language tag: abcd"),
    ] {
        assert_eq!(evaluate(&mut node, source).await, expected, "{source}");
    }
    node.stop().await;
}

#[tokio::test]
async fn a_date_names_its_zone() {
    let mut node = evaluator(&[]).await;
    let zone = "new Intl.DateTimeFormat('en', {timeZoneName: 'long'}).formatToParts(d).pop().value";
    let source = format!(
        "((d) => [String(d).endsWith(` (${{{zone}}})`), d.toTimeString() === String(d).slice(16), `${{d}}` === d + ''])(new Date(0))"
    );
    assert_eq!(evaluate(&mut node, &source).await, "true,true,true");
    for (source, expected) in [
        ("/^... ... \\d\\d \\d{4} [\\d:]{8} GMT[+-]\\d{4} \\([^)]+\\)$/.test(new Date())", "true"),
        ("new Date(NaN)", "Invalid Date"),
        ("/\\([^)]+\\)$/.test(new Date(8.64e15))", "true"),
        ("/\\([^)]+\\)$/.test(new Date(-8.64e15))", "true"),
        ("Date.prototype.toString.call(1)", "TypeError: not a Date object"),
    ] {
        assert_eq!(evaluate(&mut node, source).await, expected, "{source}");
    }
    node.stop().await;
}
