//! The node `csv`: converts between CSV text and objects, in one of two modes.
//!
//! The legacy mode keeps the habits of Node-RED's first parser, which old flows rely on. The other
//! mode follows RFC 4180.

mod columns;
mod deliver;
mod error;
mod legacy;
mod lines;
mod node;
mod object;
mod rfc;
mod settings;
mod table;
mod writing;

use ferrowire::{Editor, NodeType};

pub use node::Csv;

ferrowire::register!(
    NodeType::exclusive::<Csv>("csv")
        .summary("converts between CSV text and objects")
        .category("parser")
        .editor(Editor::NodeRed("parsers/70-CSV"))
);
