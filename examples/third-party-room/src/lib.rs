//! Rooms of text lines: the configuration node `room`, and its users `room in` and `room out`.

mod connection;
mod members;
mod pages;
mod room;
mod users;

use ferrowire::metric::Counter;
use ferrowire::{Editor, EditorPart, NodeType, Reference};

use room::Room;
use users::{RoomIn, RoomOut};

ferrowire::settings! {
    /// The maximum number of clients in one room.
    pub MEMBERS: usize = ferrowire::Setting::integer("room-members")
        .between("1", "100000")
        .default("100")
        .help("Clients that may be connected to one room");
}

/// The lines received from clients.
pub(crate) static RECEIVED: Counter =
    Counter::new("room_lines_received", "lines that clients sent");

ferrowire::metrics!(RECEIVED);

const EDITOR: Editor = Editor::Own(
    &EditorPart::new("room", include_str!("editor/room.html"))
        .catalogs(ferrowire::text_files!("en-US", "de", "zh-CN")),
);

const ROOM: &[Reference] = &[Reference::new("room", "room")];

ferrowire::register!(
    NodeType::shared::<Room>("room")
        .summary("accepts clients that speak lines of text at a path")
        .category("config")
        .unique(&["path"])
        .editor(EDITOR),
    NodeType::shared::<RoomIn>("room in")
        .summary("receives the lines of a room")
        .category("network")
        .uses(ROOM)
        .editor(EDITOR),
    NodeType::shared::<RoomOut>("room out")
        .summary("sends lines to all clients of a room")
        .category("network")
        .uses(ROOM)
        .editor(EDITOR),
);
