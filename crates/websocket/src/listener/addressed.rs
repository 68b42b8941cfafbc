//! Sends a message to a target: a room, several sessions, a user, all but one.

use std::sync::Arc;

use bytes::BytesMut;
use ferrowire_core::{Handled, Message};

use crate::connection::cork::{self, Frames};
use crate::connection::forms::Forms;
use crate::frame::{Payload, Role, put_frame};
use crate::listener::delivery::Delivery;
use crate::listener::history::Publication;
use crate::listener::sessions::Sessions;
use crate::listener::target::{Target, To};
use crate::metrics;

impl Sessions {
    /// Sends to each session of the target. The message is encoded once.
    pub(crate) fn send_addressed(self: &Arc<Self>, target: &Target, msg: Message) -> Handled {
        if target.to == To::All && target.except.is_none() {
            return self.broadcast(msg);
        }
        cork::settle();
        if let (To::Sessions, [id], None) = (target.to, target.names.as_slice(), &target.except) {
            return self.send_to_session(id, msg);
        }
        let message = match self.prepared(target, msg) {
            Ok(Some(message)) => message,
            Ok(None) => return Handled::Done,
            Err(error) => return Handled::Failed(error),
        };
        if self.others.is_none() {
            return self.deliver_addressed(target, message);
        }
        match self.append(target, &message) {
            Some(handled) => handled,
            None => self.send_everywhere(target, message),
        }
    }

    /// Sends to the sessions of the target, on this instance first.
    pub(super) fn send_everywhere(
        self: &Arc<Self>,
        target: &Target,
        message: Publication,
    ) -> Handled {
        let Some(others) = &self.others else { return self.deliver_addressed(target, message) };
        let handled = self.deliver_addressed(target, message.clone());
        let gone = others.publish(target, &message);
        metrics::DROPPED_GONE.add(gone as u64);
        handled
    }

    /// Sends to the sessions of the target that this instance has.
    pub(super) fn deliver_addressed(
        self: &Arc<Self>,
        target: &Target,
        message: Publication,
    ) -> Handled {
        if message.key.is_some() {
            return self.publish(target, message);
        }
        let frames = self.frames_for(target, &message.payload);
        let mut delivery = Delivery::new(self, &frames, message.topic.as_ref());
        self.each(target, &mut |client| delivery.give(client));
        delivery.finish()
    }

    /// The payload as one frame. What a room's members receive late is listed with the room, so that
    /// they do not retain the messages of others.
    pub(super) fn frames_for(&self, target: &Target, payload: &Payload) -> Forms {
        let mut bytes = BytesMut::new();
        put_frame(&mut bytes, Role::Server, payload.opcode(), payload.as_bytes());
        let frames = Frames { bytes, count: 1 };
        let room = match (target.to, target.names.as_slice()) {
            (To::Rooms, [room]) => {
                self.groups().rooms.room(room).map(|room| Arc::clone(&room.feeds))
            }
            _ => None,
        };
        match room {
            Some(feeds) => Forms::new(frames, &feeds),
            None => self.shared(frames),
        }
    }
}
