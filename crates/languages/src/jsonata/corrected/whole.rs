//! `$parseInteger` of Roman numerals and words: NaN for invalid text.

use jsonata_core::ast::{AstNode, BinaryOp};
use jsonata_core::value::JValue;

use super::super::guard::call;
use super::{Corrected, Found};

const CAPITALS: Corrected = Corrected::new("capital Roman numerals", capitals);
const ROMAN: Corrected = Corrected::new("Roman numerals", roman);
const WORDS: Corrected = Corrected::new("number words", words);
const NONE: Corrected = Corrected::new("no number", |_| Ok(JValue::Number(f64::NAN)));

/// The functions that `insert` inserts.
pub(super) const ALL: [Corrected; 4] = [CAPITALS, ROMAN, WORDS, NONE];

/// The variable that holds the text, which is evaluated only once.
const TEXT: &str = "text of a number";

/// Lets a call with such a picture check its text first. Returns whether `node` was such a call.
pub(super) fn insert(node: &mut AstNode) -> bool {
    let AstNode::Function { name, args, .. } = node else { return false };
    let [text, AstNode::String(picture)] = args.as_mut_slice() else { return false };
    let check = match picture.chars().next() {
        Some('I') => CAPITALS,
        Some('i') => ROMAN,
        Some('w' | 'W') => WORDS,
        _ => return false,
    };
    if name != "parseInteger" || matches!(text, AstNode::Placeholder) {
        return false;
    }
    let kept = || Box::new(AstNode::variable(TEXT));
    let text = Box::new(std::mem::replace(text, *kept()));
    let keep = AstNode::Binary { op: BinaryOp::ColonEqual, lhs: kept(), rhs: text };
    let read = AstNode::Conditional {
        condition: Box::new(call(check.ours, vec![*kept()])),
        then_branch: Box::new(std::mem::replace(node, AstNode::Null)),
        else_branch: Some(Box::new(call(NONE.ours, Vec::new()))),
    };
    *node = AstNode::Block(vec![keep, read]);
    true
}

/// Checks the text. The interpreter handles arguments of other types.
fn fits(args: &[JValue], fits: impl FnOnce(&str) -> bool) -> Found {
    Ok(JValue::Bool(args.first().and_then(JValue::as_str).is_none_or(fits)))
}

fn capitals(args: &[JValue]) -> Found {
    fits(args, |text| text.chars().all(|c| "IVXLCDM".contains(c)))
}

fn roman(args: &[JValue]) -> Found {
    fits(args, |text| text.chars().all(|c| "IVXLCDMivxlcdm".contains(c)))
}

fn words(args: &[JValue]) -> Found {
    fits(args, |text| {
        let text = text.to_lowercase().replace(", ", " ").replace(" and ", " ");
        text.split(|c: char| c == '-' || c.is_whitespace()).all(is_word)
    })
}

fn is_word(word: &str) -> bool {
    let stem = word.strip_suffix("th").unwrap_or(word);
    WHOLE.contains(&word)
        || STEMS.contains(&stem)
        || TENS.contains(&word)
        || word
            .strip_suffix("ieth")
            .is_some_and(|stem| TENS.iter().any(|ten| ten.strip_suffix('y') == Some(stem)))
}

/// Words without derived ordinals.
const WHOLE: [&str; 14] = [
    "one", "two", "three", "five", "eight", "nine", "twelve", "first", "second", "third", "fifth",
    "eighth", "ninth", "twelfth",
];

/// Words whose ordinals end with `th`.
const STEMS: [&str; 18] = [
    "zero",
    "four",
    "six",
    "seven",
    "ten",
    "eleven",
    "thirteen",
    "fourteen",
    "fifteen",
    "sixteen",
    "seventeen",
    "eighteen",
    "nineteen",
    "hundred",
    "thousand",
    "million",
    "billion",
    "trillion",
];

/// Words whose ordinals end with `ieth`.
const TENS: [&str; 8] =
    ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"];
