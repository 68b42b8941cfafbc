//! Text becomes a value. The parser is granit-parser; what its events mean is up to us, since
//! Node-RED's library has types of its own.

mod error;
mod mapping;
mod snippet;
mod tag;
mod tree;

use ferrowire::{NodeError, Value};
use granit_parser::{Event, Parser, options};

use error::fail;
use tree::Tree;

/// The maximum number of collections within each other, as in Node-RED's library.
const DEEPEST: usize = 100;

/// The value of the document in `text`; `None` if the text is empty.
///
/// # Errors
/// If it is not YAML, has several documents, is too deep, or repeats too much by aliases.
pub(crate) fn load(text: &str) -> Result<Option<Value>, NodeError> {
    if text.is_empty() {
        return Ok(None);
    }
    let mut options = options! {
        emit_unresolved_aliases: true,
        flow_nesting_limit: DEEPEST,
        block_nesting_limit: DEEPEST,
    };
    options.set_emit_comments(false);
    let mut tree = Tree::default();
    let mut documents = 0;
    for next in Parser::new_from_str_with_options(text, options) {
        let (event, span) = next.map_err(|error| error::scan(&error, text))?;
        if matches!(event, Event::DocumentStart(..)) {
            documents += 1;
            if documents > 1 {
                let text = "expected a single document in the stream, but found more";
                return Err(NodeError::new(text));
            }
        }
        tree.add(event).map_err(|reason| fail(&reason, &span.start, text))?;
    }
    Ok(Some(tree.into_root().unwrap_or_default()))
}
