//! The statuses of nodes that use a broker.

use ferrowire::Status;

/// Whether there is a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum State {
    #[default]
    Disconnected,
    Connecting,
    Connected,
}

impl State {
    /// Node-RED's status for it.
    pub(crate) fn status(self) -> Status {
        match self {
            State::Disconnected => {
                Status::new("red", "ring", "node-red:common.status.disconnected")
            }
            State::Connecting => Status::new("yellow", "ring", "node-red:common.status.connecting"),
            State::Connected => Status::new("green", "dot", "node-red:common.status.connected"),
        }
    }
}
