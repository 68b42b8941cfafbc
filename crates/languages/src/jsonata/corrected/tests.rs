//! What the functions give: what JSONata gives in JavaScript.

use serde_json::{Value, json};

use super::super::tests::{error, value};

fn message() -> Value {
    json!({"p": [{"a": 1}], "x": "x", "none": [], "price": 1234.5})
}

fn give(expected: &[(&str, Value)]) {
    for (source, expected) in expected {
        assert_eq!(value(source, message()), *expected, "{source}");
    }
}

#[test]
fn a_character_is_a_byte_of_base64() {
    give(&[
        ("$base64encode('hé') & $base64encode('€')", json!("aOk=rA==")),
        ("$base64decode('aOk=') & $base64decode('!!a_-')", json!("hékÿ")),
        ("$base64decode('') & $base64decode('a')", json!("")),
        ("x.$base64encode() & (x ~> $base64encode)", json!("eA==eA==")),
        ("$map(['é', 'a'], $base64encode)", json!(["6Q==", "YQ=="])),
        ("($base64encode := function($v) { 'mine' }; $base64encode(x))", json!("mine")),
    ]);
}

#[test]
fn an_array_that_is_kept_stays_one_behind_a_chain() {
    give(&[
        ("p[] ~> $map(function($i) { $i })", json!([{"a": 1}])),
        ("(p[] ~> $map(function($i) { $i }))[]", json!([{"a": 1}])),
        ("p[].a ~> $filter(function($i) { true }) ~> $map($string)", json!(["1"])),
        ("p[]^(a) ~> $map(function($i) { $i.a })", json!([1])),
        ("p[] ~> $keys", json!(["a"])),
        ("p[] ~> $count", json!(1)),
        ("p ~> $map(function($i) { $i })", json!({"a": 1})),
        ("p.a[] ~> $map(function($i) { $i })", json!(1)),
        ("$map(p[], function($i) { $i })", json!({"a": 1})),
    ]);
}

#[test]
fn nothing_is_reduced_to_nothing() {
    give(&[
        ("$exists($reduce([], function($a, $b) { $a + $b }))", json!(false)),
        ("$exists(none ~> $reduce(function($a, $b) { $a + $b }))", json!(false)),
        ("$reduce([], function($a, $b) { $a + $b }, 5)", json!(5)),
        ("[1, 2] ~> $reduce(function($a, $b) { $a + $b })", json!(3)),
    ]);
}

#[test]
fn numbers_are_written_as_in_json() {
    give(&[
        (
            "[$number('-05.50e+1'), $number('0xfF'), $number('0b11'), $number(true)]",
            json!([-55, 255, 3, 1]),
        ),
        ("$number('0xFFFFFFFFFFFFFFFFFFFF')", json!(1_208_925_819_614_629_174_706_175_f64)),
        ("('5').$number() + $sum($map(['5', '6'], $number))", json!(16)),
    ]);
}

#[test]
fn halves_are_rounded_to_even_and_only_halves() {
    give(&[
        ("$formatNumber(1234.5, '0.000e0')", json!("1.235e3")),
        (
            "price.$formatNumber('0.000e0') & (price ~> $formatNumber('0.00'))",
            json!("1.235e31234.50"),
        ),
        ("$formatNumber(1136.3, '0e0') & $formatNumber(0.00983, '0e0')", json!("1e310e-3")),
        (
            "$formatNumber(7.0535, '0.0%') & $formatNumber(-9859.755, '#,##0.00')",
            json!("705.3%-9,859.76"),
        ),
        (
            "$formatNumber(-5.8500000000000005, '#,#', {'decimal-separator': ',', 'grouping-separator': '.'})",
            json!("-5,9"),
        ),
        (
            "$formatNumber(-0.4, '0') & $formatNumber(2.5, '0') & $formatNumber(0, '0e0')",
            json!("-020e0"),
        ),
        ("$formatNumber(1e21, '0')", json!("1000000000000000000000")),
        ("$formatBase(2.5, 2) & $formatBase(-2.5, 2) & $formatBase(3.5)", json!("10-104")),
        ("$formatBase(1e21, 16) & $formatBase(5, 2.5)", json!("3635c9adc5dea00000101")),
        ("$formatBase(2.1e24, 25)", json!("3f4lb3f00001700000")),
    ]);
}

#[test]
fn blanks_tabs_and_line_ends_are_trimmed() {
    give(&[
        (r#"$trim("\u00a0 x \u00a0")"#, json!("\u{a0} x \u{a0}")),
        (r#"$trim("  a \n b\t") & $map([" x "], $trim)"#, json!("a bx")),
    ]);
}

#[test]
fn what_is_no_number_in_words_is_none() {
    give(&[
        ("$parseInteger('twenty-first thousand, two hundred and twelfth', 'w')", json!(21_212)),
        (
            "$map(['twelve', 'xyz', '12'], function($v) { $parseInteger($v, 'w') })",
            json!([12, null, null]),
        ),
        ("[$parseInteger('MCMX', 'I'), $parseInteger('mix', 'i')]", json!([1910, 1009])),
        ("[$parseInteger('mix', 'I'), $parseInteger('xyz', 'i'), 1]", json!([null, null, 1])),
        ("$exists($parseInteger(nothing, 'w'))", json!(false)),
    ]);
}

#[test]
fn what_does_not_fit_is_an_error() {
    for source in [
        "$number(' 5')",
        "$number('+5')",
        "$number('.5')",
        "$number('5.')",
        "$number('5 ')",
        "$number('')",
        "$number('0b12')",
        "$number('0x')",
        "$number('1e400')",
        "$number('Infinity')",
        "$number(null)",
        "$trim(5)",
        "$base64encode(5)",
        "$formatBase('x')",
        "$formatBase(5, 37)",
        "$formatNumber(5)",
        "$formatNumber('x', '0')",
        "$formatNumber(5, '0', 5)",
        "$number('5', 5)",
    ] {
        assert!(error(source, message()).contains(" failed: "), "{source}");
    }
}
