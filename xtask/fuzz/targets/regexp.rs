//! Regular expressions of JavaScript: matches lie in the text, and the two ways to match agree.
//!
//! The input is an expression, and after a zero byte the text.
#![no_main]

use ferrowire_expression::regexp::compile_with;
use ferrowire_fuzz::two_texts;
// Matches the expressions.
use ferrowire_testkit as _;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((first, rest)) = data.split_first() else { return };
    let Some((source, text)) = two_texts(rest) else { return };
    let Ok(regexp) = compile_with(source, first & 1 == 1) else { return };
    let (Ok(is_match), Ok(found)) = (regexp.is_match(text), regexp.captures_at(text, 0)) else {
        return;
    };
    assert_eq!(is_match, found.is_some());
    let mut at = 0;
    while let Ok(Some(captures)) = regexp.captures_at(text, at) {
        let range = captures.range();
        assert!(at <= range.start && range.start <= range.end && range.end <= text.len());
        assert_eq!(captures.group(0), Some(&text[range.clone()]));
        for number in 1..captures.count() {
            let _group = captures.group(number);
        }
        let Some(next) = text[range.end..].chars().next() else { break };
        at = if range.is_empty() { range.end + next.len_utf8() } else { range.end };
    }
});
