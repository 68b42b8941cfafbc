//! The statuses of endpoints at the nodes that use them, with Node-RED's texts.

use ferrowire_core::Status;
use tungstenite::protocol::frame::coding::CloseCode;

use crate::connection::Ended;
use crate::frame::Close;
use crate::payload::Session;

/// After a connect or disconnect, with `count` open connections. A client's count is empty.
pub(crate) fn connected(count: &str, event: &'static str, session: &Session) -> Status {
    Status::new("green", "dot", format!("connected {count}"))
        .with("event", event)
        .with("_session", session.value.clone())
}

/// After the last connection has ended.
pub(crate) fn disconnected(session: &Session) -> Status {
    Status::new("red", "ring", "common.status.disconnected")
        .with("event", "disconnect")
        .with("_session", session.value.clone())
}

/// When a connection failed.
pub(crate) fn error(session: &Session) -> Status {
    Status::new("red", "ring", "common.status.error")
        .with("event", "error")
        .with("_session", session.value.clone())
}

/// `1008`: the peer's queue was full.
pub(crate) fn too_slow() -> Close {
    Close::new(CloseCode::Policy, "reading too slowly")
}

/// The end of a connection, for a log.
pub(crate) fn describe(ended: &Ended) -> String {
    match ended {
        Ended::Closed(Close { code: Some(code), reason }) if reason.is_empty() => {
            format!("closed with {code}")
        }
        Ended::Closed(Close { code: Some(code), reason }) => {
            format!("closed with {code} ({reason})")
        }
        Ended::Closed(_) => "closed without a code".to_owned(),
        Ended::Violation(close) => format!("protocol violation: {}", close.reason),
        Ended::Lost(reason) => (*reason).to_owned(),
    }
}
