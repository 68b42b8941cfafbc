//! The nodes `file`, `file in` and `watch`: write, append to, delete and read files, and watch them.

mod code_page;
mod encoding;
mod failure;
mod name;
mod place;
mod read;
mod settings;
mod watch;
mod write;

use ferrowire::{Editor, NodeType};

pub use read::FileIn;
pub use settings::{FOLDERS, MAX_READ, WORKING_DIRECTORY};
pub use watch::Watch;
pub use write::File;

const EDITOR: Editor = Editor::NodeRed("storage/10-file");

ferrowire::register!(
    NodeType::shared::<File>("file")
        .summary("writes messages to a file, or deletes it")
        .category("storage")
        .editor(EDITOR),
    NodeType::shared::<FileIn>("file in")
        .summary("reads a file: at once, by lines, or by chunks")
        .category("storage")
        .editor(EDITOR),
    NodeType::shared::<Watch>("watch")
        .summary("sends a message for each change of files and folders")
        .category("storage")
        .editor(Editor::NodeRed("storage/23-watch")),
);
