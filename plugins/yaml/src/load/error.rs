//! Errors with their position.

use ferrowire::NodeError;
use granit_parser::{ErrorKind, Marker, ScanError};

use super::snippet;

/// An error in `text` as Node-RED's library shows it, which counts lines and columns from 1.
pub(super) fn fail(reason: &str, at: &Marker, text: &str) -> NodeError {
    let (line, column) = (at.line(), at.col() + 1);
    let shown = snippet::around(text, line, column);
    NodeError::new(format!("{reason} ({line}:{column})\n\n{shown}"))
}

/// An error of the parser in `text`, in the words of Node-RED's library where it has some.
pub(super) fn scan(error: &ScanError, text: &str) -> NodeError {
    let at = error.marker();
    let reason = match error.kind() {
        ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::ExpectedDocumentStart
        | ErrorKind::InvalidSimpleKey
        | ErrorKind::InvalidTrailingDoubleQuotedScalar
        | ErrorKind::InvalidTrailingSingleQuotedScalar
        | ErrorKind::MappingKeyNotAllowed
        | ErrorKind::SimpleKeyExpected
        | ErrorKind::UnexpectedCharacter { .. } => {
            "end of the stream or a document separator is expected"
        }
        ErrorKind::BlockSequenceEntryNotAllowed
        | ErrorKind::InvalidIndentation
        | ErrorKind::MappingValueNotAllowed => "bad indentation of a mapping entry",
        ErrorKind::ExpectedFlowMappingSeparator | ErrorKind::ExpectedFlowSequenceSeparator => {
            "missed comma between flow collection entries"
        }
        ErrorKind::InvalidBlockScalarHeader => "a line break is expected",
        ErrorKind::RecursionLimitExceeded => "nesting exceeded maxDepth (100)",
        ErrorKind::TabInBlockIndentation
        | ErrorKind::TabInIndentation
        | ErrorKind::TabNotAllowed => "tab characters must not be used in indentation",
        ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofFlowSequence => {
            "unexpected end of the stream within a flow collection"
        }
        ErrorKind::UnclosedQuotedScalar => unclosed_quote(at, text),
        ErrorKind::UnknownQuotedScalarEscape => "unknown escape sequence",
        _ => return fail(&error.info(), at, text),
    };
    fail(reason, at, text)
}

fn unclosed_quote(at: &Marker, text: &str) -> &'static str {
    let quoted = at.byte_offset().and_then(|at| text.get(at..)).unwrap_or_default();
    if quoted.starts_with('\'') {
        "unexpected end of the stream within a single quoted scalar"
    } else {
        "unexpected end of the stream within a double quoted scalar"
    }
}
