//! Parses JSON text into values in one pass; used for what sockets receive.
//!
//! Strings with escapes are left to serde_json, which decodes them, and so is invalid text, for
//! which it reports the position.

use std::borrow::Cow;

use crate::map::Names;
use crate::plain::plain_length;
use crate::{Key, Map, Text, Value};

/// The maximum nesting of arrays and objects; serde_json's limit.
const DEEPEST: usize = 127;

/// From this many items, those that follow are counted before there is room for them.
const MANY: usize = 1024;

/// Numbers with up to this many digits, and powers of ten up to this exponent, are exact: dividing
/// one by the other rounds once, which is correct.
const EXACT_DIGITS: usize = 15;

/// 10 to the power of the index.
const POWERS: [f64; EXACT_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// Parses `text`; `None` if it is invalid or nested too deeply.
pub(crate) fn parse(text: &str) -> Option<Value> {
    let mut reader = Reader { text, at: 0 };
    let value = reader.value(0)?;
    reader.next().is_none().then_some(value)
}

struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    /// The first byte of the next token.
    fn next(&mut self) -> Option<u8> {
        loop {
            let byte = *self.text.as_bytes().get(self.at)?;
            if byte > b' ' || !matches!(byte, b' ' | b'\n' | b'\t' | b'\r') {
                return Some(byte);
            }
            self.at += 1;
        }
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        match self.next()? {
            b'"' => Some(Value::String(match self.string()? {
                Cow::Borrowed(text) => Text::from(text),
                Cow::Owned(text) => Text::from(text),
            })),
            b'{' if depth < DEEPEST => self.object(depth + 1).map(Value::from),
            b'[' if depth < DEEPEST => self.array(depth + 1).map(Value::from),
            b'-' | b'0'..=b'9' => self.number().map(Value::Number),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Null),
            _ => None,
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Option<Value> {
        let rest = self.text.get(self.at..)?;
        self.at += word.len();
        rest.starts_with(word).then_some(value)
    }

    fn object(&mut self, depth: usize) -> Option<Map> {
        self.at += 1;
        if self.next()? == b'}' {
            self.at += 1;
            return Some(Map::new());
        }
        let (mut entries, mut names) = (Vec::with_capacity(4), Names::default());
        loop {
            if self.next()? != b'"' {
                return None;
            }
            let name = self.string()?;
            names.add(&name, &entries);
            if self.next()? != b':' {
                return None;
            }
            self.at += 1;
            entries.push((Key::from(name), self.value(depth)?));
            if self.is_last(b'}')? {
                return Some(Map::from_parsed(entries, names));
            }
        }
    }

    fn array(&mut self, depth: usize) -> Option<Vec<Value>> {
        self.at += 1;
        if self.next()? == b']' {
            self.at += 1;
            return Some(Vec::new());
        }
        let mut items = Vec::with_capacity(4);
        loop {
            items.push(self.value(depth)?);
            if self.is_last(b']')? {
                return Some(items);
            }
            if items.len() == MANY {
                items.reserve_exact(self.simple_items());
            }
        }
    }

    /// The number of items until the end of an array, or until the first one that is a text, array
    /// or object. So a long list of numbers takes the memory of its values and no more.
    fn simple_items(&self) -> usize {
        let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
        let simple = rest.iter().take_while(|byte| !matches!(byte, b'"' | b'[' | b'{' | b']'));
        simple.filter(|byte| **byte == b',').count() + 1
    }

    /// Reads the separator after an element: a comma, or `end`.
    fn is_last(&mut self, end: u8) -> Option<bool> {
        let found = self.next()?;
        self.at += 1;
        (found == end || found == b',').then_some(found == end)
    }

    #[inline(always)]
    fn string(&mut self) -> Option<Cow<'a, str>> {
        let (bytes, open) = (self.text.as_bytes(), self.at);
        let (mut end, mut is_escaped) = (open + 1, false);
        loop {
            end += plain_length(bytes.get(end..)?);
            match *bytes.get(end)? {
                b'"' => break,
                b'\\' => (end, is_escaped) = (end + 2, true),
                _ => return None,
            }
        }
        self.at = end + 1;
        if is_escaped {
            return unescape(self.text.get(open..=end)?).map(Cow::Owned);
        }
        self.text.get(open + 1..end).map(Cow::Borrowed)
    }

    fn number(&mut self) -> Option<f64> {
        let (bytes, start) = (self.text.as_bytes(), self.at);
        let negative = bytes.get(start) == Some(&b'-');
        let first = start + usize::from(negative);
        let (mut end, mut mantissa) = digits(bytes, first, 0)?;
        if bytes.get(first) == Some(&b'0') && end > first + 1 {
            return None;
        }
        let mut size = mantissa as f64;
        let mut is_exact = end - first <= EXACT_DIGITS;
        if bytes.get(end) == Some(&b'.') {
            let from = end + 1;
            (end, mantissa) = digits(bytes, from, mantissa)?;
            is_exact = end - first <= EXACT_DIGITS + 1;
            size = mantissa as f64 / POWERS.get(end - from).unwrap_or(&1.0);
        }
        if matches!(bytes.get(end), Some(b'e' | b'E')) {
            let has_sign = matches!(bytes.get(end + 1), Some(b'+' | b'-'));
            (end, _) = digits(bytes, end + 1 + usize::from(has_sign), 0)?;
            is_exact = false;
        }
        self.at = end;
        if !is_exact {
            return self.text.get(start..end)?.parse().ok();
        }
        Some(if negative { -size } else { size })
    }
}

/// The end of the digits that start at `from`, and `mantissa` extended by them. There is at least
/// one digit.
#[inline(always)]
fn digits(bytes: &[u8], from: usize, mut mantissa: u64) -> Option<(usize, u64)> {
    let rest = bytes.get(from..)?;
    let mut count = 0;
    for byte in rest {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        mantissa = mantissa.wrapping_mul(10).wrapping_add(u64::from(digit));
        count += 1;
    }
    (count > 0).then_some((from + count, mantissa))
}

/// Decodes a string with escapes; `token` includes the quotes.
fn unescape(token: &str) -> Option<String> {
    let text = serde_json::from_str(token);
    text.or_else(|_| serde_json::from_str(&without_lone_surrogates(token))).ok()
}

/// JavaScript accepts a lone surrogate in an escape and writes it as U+FFFD in UTF-8. Text is UTF-8
/// here from the start.
fn without_lone_surrogates(token: &str) -> String {
    let (mut text, mut rest) = (String::with_capacity(token.len()), token);
    while let Some((before, escape)) = rest.find('\\').and_then(|at| rest.split_at_checked(at)) {
        text.push_str(before);
        let length = match (unit(escape), escape.get(6..).and_then(unit)) {
            (Some(0xd800..=0xdbff), Some(0xdc00..=0xdfff)) => 12,
            (Some(0xd800..=0xdfff), _) => 0,
            (Some(_), _) => 6,
            (None, _) => 2,
        };
        let Some((kept, after)) = escape.split_at_checked(length) else { break };
        text.push_str(if length == 0 { "\\ufffd" } else { kept });
        rest = if length == 0 { escape.get(6..).unwrap_or_default() } else { after };
    }
    text + rest
}

/// The UTF-16 code unit of the escape at the start of `text`.
fn unit(text: &str) -> Option<u16> {
    let digits = text.strip_prefix("\\u")?.get(..4)?;
    u16::from_str_radix(digits, 16).ok().filter(|_| !digits.starts_with('+'))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The result of serde_json alone.
    fn expected(text: &str) -> Option<Value> {
        serde_json::from_str(text).ok()
    }

    /// Whether a number is too large for serde_json.
    fn overflows(value: &Option<Value>) -> bool {
        match value {
            Some(Value::Number(number)) => number.is_infinite(),
            Some(Value::Array(items)) => items.iter().any(|item| overflows(&Some(item.clone()))),
            Some(Value::Object(map)) => map.iter().any(|(_, item)| overflows(&Some(item.clone()))),
            _ => false,
        }
    }

    /// Valid JSON, nearly valid JSON, and random JSON characters.
    fn texts() -> impl Strategy<Value = String> {
        let number = r"-?(0|[1-9][0-9]{0,20})(\.[0-9]{1,18})?([eE][+-]?[0-9]{1,2})?";
        let string = r#""([a-z \u{80}-\u{10ffff}]|\\["\\/bfnrt]|\\u00[0-9a-f]{2}){0,30}""#;
        let leaf =
            prop_oneof![number, string, "true|false|null", "[0-9eE.+-]{1,8}", "\"\\PC{0,9}\""];
        leaf.prop_recursive(5, 60, 30, move |inner| {
            let space = "[ \n\r\t]{0,2}";
            let key = prop_oneof![r#""([a-d]|[0-9]{1,2}|k[0-9])""#, string];
            let list = prop::collection::vec((space, inner.clone()), 0..6).prop_map(|items| {
                let items: Vec<_> = items.into_iter().map(|(s, item)| s + &item).collect();
                format!("[{}]", items.join(","))
            });
            let object = prop::collection::vec((space, key, space, inner), 0..30);
            let object = object.prop_map(|entries| {
                let entries =
                    entries.into_iter().map(|(s, key, t, value)| s + &key + &t + ":" + &value);
                format!("{{{}}}", entries.collect::<Vec<_>>().join(","))
            });
            prop_oneof![list, object]
        })
    }

    /// `text` with one character removed or replaced.
    fn damaged(text: &str, at: usize, sign: char) -> (String, String) {
        let at = at % (text.chars().count() + 1);
        let without = text.chars().enumerate().filter(|(i, _)| *i != at).map(|(_, c)| c).collect();
        let other = text.chars().enumerate().map(|(i, c)| if i == at { sign } else { c }).collect();
        (without, other)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(700))]

        #[test]
        fn texts_are_read_as_serde_json_reads_them(
            text in texts(),
            at in any::<usize>(),
            sign in "[\\[\\]{}:,\"\\\\0-9eE.+ \u{0}-\u{20}-]",
        ) {
            let sign = sign.chars().next().unwrap();
            let (without, other) = damaged(&text, at, sign);
            for text in [text, without, other] {
                let (read, expected) = (parse(&text), expected(&text));
                let keys = |value: &Option<Value>| value.as_ref().map(Value::to_json);
                let is_same = keys(&read) == keys(&expected) && read == expected;
                prop_assert!(is_same || (expected.is_none() && overflows(&read)), "{}", text);
            }
        }

        #[test]
        fn signs_in_any_order_are_no_panic(text in "[\\[\\]{}:,\"\\\\utrfalsen0-9dDeE.+ -]{0,20}") {
            if let Some(value) = expected(&text) {
                prop_assert_eq!(parse(&text), Some(value));
            } else {
                // Only what JavaScript accepts as well.
                let read = parse(&text);
                prop_assert!(read.is_none() || text.contains("\\u") || overflows(&read), "{}", text);
            }
        }
    }

    #[test]
    fn what_javascript_reads_and_serde_json_does_not() {
        let read = |text: &str| parse(text).map(|value| value.to_json());
        assert_eq!(read(r#""a\ud800""#).unwrap(), "\"a\u{fffd}\"");
        assert_eq!(read(r#""\udc00\ud83d\ude00\\ud800\n""#).unwrap(), "\"\u{fffd}😀\\\\ud800\\n\"");
        assert_eq!(read(r#""\ud800\ud800""#).unwrap(), "\"\u{fffd}\u{fffd}\"");
        assert_eq!(read(r#""\ud83d\u+e00""#), None);
        assert_eq!(parse("-1e999"), Some(Value::Number(f64::NEG_INFINITY)));
    }

    #[test]
    fn a_long_list_takes_no_more_room_than_its_items() {
        let numbers = format!("[{}1]", "1,".repeat(100_000));
        let mut reader = Reader { text: &numbers, at: 0 };
        let items = reader.array(1).unwrap();
        assert_eq!((items.len(), items.capacity()), (100_001, 100_001));
        for item in ["null", "\"a,b]\"", "[1,2]", "{\"a\":[1,2]}", "1 "] {
            for list in [vec![item; 5_000], [vec!["1"; 3_000], vec![item; 3_000]].concat()] {
                let text = format!("[{}]", list.join(","));
                assert_eq!(parse(&text), expected(&text), "{item}");
            }
        }
    }

    #[test]
    fn nesting_is_bounded() {
        let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
        assert!(parse(&nested(DEEPEST)).is_some());
        assert!(parse(&nested(DEEPEST + 1)).is_none());
        assert!(parse(&"{\"a\":".repeat(1_000_000)).is_none());
    }
}
