//! Files that the runtime keeps: replaced atomically, alone ([`replace`]) or together
//! ([`replace_together`]), locked against other instances ([`Lock`]), and never outside of their folder
//! ([`Folder`]).
//!
//! New content is written to a temporary file `.ferrowire-XXXXXX.new` beside its target, which is
//! locked while it is in use. A killed process leaves such files without a lock, which
//! [`remove_leftovers`] removes.

mod folder;
mod leftovers;
mod lock;
mod replace;
mod together;

pub use folder::{Entry, Folder, open_file};
pub use leftovers::remove_leftovers;
pub use lock::{Lock, NotLocked};
pub use replace::{Content, replace};
pub use together::{recover, replace_together};
