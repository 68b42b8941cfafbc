//! Errors with their position, as Node-RED's parser shows it.

use ferrowire::NodeError;

use crate::error::thrown;

/// An error after `at` bytes of `text`, or at its end. Lines count from 0, and columns from 1.
pub(super) fn fail(reason: &str, text: &str, at: Option<usize>) -> NodeError {
    let read = text.get(..at.unwrap_or(text.len())).unwrap_or(text);
    let line = read.bytes().filter(|byte| *byte == b'\n').count();
    let column = read.rsplit('\n').next().unwrap_or_default().encode_utf16().count();
    let last = at.and_then(|_| read.chars().next_back());
    let last = last.map(String::from).unwrap_or_default();
    thrown(&format!("{reason}\nLine: {line}\nColumn: {column}\nChar: {last}"))
}
