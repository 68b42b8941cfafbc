//! The node `exec`: runs commands of the operating system.

mod children;
mod command;
mod node;
mod output;
mod run;
mod settings;
mod signal;
mod spawn;

use ferrowire::{Editor, NodeType};

pub use node::Exec;
pub use settings::{ENABLED, MAX_BUFFER, MAX_PROCESSES};

ferrowire::register!(
    NodeType::shared::<Exec>("exec")
        .summary("runs a command of the operating system")
        .category("function")
        .editor(Editor::NodeRed("function/90-exec"))
);
