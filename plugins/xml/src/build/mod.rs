//! An object becomes XML.

mod document;
mod escape;
mod style;
mod write;

use ferrowire::{NodeError, Value};

use crate::options::Options;
use style::Style;
use write::Writer;

/// The maximum number of values within each other.
const DEEPEST: usize = 256;

/// The maximum length of a text, in bytes.
const LONGEST: usize = ferrowire::MAX_JSON;

/// A value of more parts is written on a thread that may take its time.
const LARGE: usize = 1_000;

/// Whether it may take long to write `value`.
pub(crate) fn is_large(value: &Value) -> bool {
    value.has_parts(LARGE)
}

/// The XML of `value`. `has_options`: the message has options, so the text has lines unless these say
/// something else.
///
/// # Errors
/// If the value has no XML, is too deep, or its text is too long.
pub(crate) fn write(
    value: &Value,
    options: &Options<'_>,
    has_options: bool,
) -> Result<String, NodeError> {
    let style = Style::new(options.given, has_options);
    let (name, value) = document::root(value, options.given)?;
    let mut writer = Writer::new(options, &style);
    for (line, end) in document::head(options.given, &name)? {
        writer.head(&line, end);
    }
    writer.element(&name, value, 0)?;
    Ok(writer.end())
}

fn too_long() -> NodeError {
    NodeError::new(format!("the XML is longer than {} MiB", LONGEST >> 20))
}

fn too_deep() -> NodeError {
    NodeError::new(format!("the object has more than {DEEPEST} values within each other"))
}
