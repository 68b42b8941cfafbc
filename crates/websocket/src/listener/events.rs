//! The events of a listener's sessions.

use ferrowire_core::{Map, Sending};

use crate::connection::Ended;
use crate::events;
use crate::listener::member::Member;
use crate::listener::sessions::Sessions;

impl Sessions {
    /// Sends an event to each node that asks for it. Delivery begins with the call.
    pub(crate) fn tell(&self, member: &Member, event: &'static str, payload: &Map) -> Sending {
        if let Some(others) = &self.others {
            others.tell(member, event, payload);
        }
        events::tell(&self.cx, member.value(), event, payload)
    }
}

/// The payload of `disconnect`.
pub(crate) fn disconnect(member: &Member, ended: &Ended) -> Map {
    let closed = member.closed().map(|(close, by)| (close, *by));
    events::disconnect(ended, closed, member.since.elapsed())
}
