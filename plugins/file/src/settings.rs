//! The settings of the file nodes.

use std::path::PathBuf;

use ferrowire::{NodeRedNames, Setting};

const GROUP: &str = "Files of flows";

ferrowire::settings! {
    /// The folder that relative file names refer to.
    pub WORKING_DIRECTORY: Option<PathBuf> = Setting::path("file-working-directory")
        .node_red(NodeRedNames::key("fileWorkingDirectory"))
        .group(GROUP)
        .otherwise("the folder that the runtime was started in")
        .help("Folder of file names without a leading slash");
    /// The folders that flows may use; all if the list is empty.
    pub FOLDERS: Vec<PathBuf> = Setting::paths("file-folders")
        .group(GROUP)
        .help("Folders whose files flows may read, write and delete, all if none is given; links do not lead out of them");
    /// The largest file that is read into one message.
    pub MAX_READ: usize = Setting::bytes("file-max-read")
        .default("512 MiB")
        .group(GROUP)
        .help("Largest file that is read into one message, and the longest line");
}
