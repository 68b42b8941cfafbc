//! The statuses of endpoints at the nodes that use them, with Node-RED's texts.

use ferrowire_core::Status;
use tungstenite::protocol::frame::coding::CloseCode;

use crate::connection::Ended;
use crate::events;
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

/// When a client has ended its attempts.
pub(crate) fn stopped(why: &str, session: &Session) -> Status {
    Status::new("red", "dot", format!("stopped: {why}"))
        .with("event", "stop")
        .with("_session", session.value.clone())
}

/// The close code of an end to count; `None` for a close frame without one.
pub(crate) fn counted_code(ended: &Ended) -> Option<u16> {
    match ended {
        Ended::Violation(close) => close.code,
        ended => code(ended),
    }
}

/// The close code of an end, as a browser tells it: `1005` without a code, `1006` without a close
/// frame.
pub(crate) fn code(ended: &Ended) -> Option<u16> {
    match ended {
        Ended::Closed(close) => Some(close.code.unwrap_or(events::NO_CODE)),
        Ended::Violation(_) => None,
        Ended::Lost(_) => Some(events::LOST),
    }
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
