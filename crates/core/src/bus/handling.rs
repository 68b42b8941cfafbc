//! How a node handles a message: the forms in which its code may answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc::error::TrySendError;

use super::traced::{MEASURED, TRACED};
use super::watching::OUTCOMES;
use super::{Handler, RunningNode, guarded};
use crate::trace::{IGNORED, Visit};
use crate::{Handled, Host as _, Message, Node, NodeError, Sending};

impl RunningNode {
    pub(super) fn hand_over(self: &Arc<Self>, msg: Message) -> Sending {
        let measured = self.outlet.traffic.as_ref().is_some_and(|traffic| traffic.received());
        match &self.handler {
            Handler::Shared(node) => self.handle(&**node, msg, measured),
            Handler::Exclusive(exclusive) => match exclusive.queue.try_send(msg) {
                Ok(()) | Err(TrySendError::Closed(_)) => Sending::done(),
                Err(TrySendError::Full(msg)) => {
                    let queue = exclusive.queue.clone();
                    Sending::later(Box::pin(async move {
                        // Closed means that the node was stopped; there is no one to notify.
                        let _stopped = queue.send(msg).await;
                    }))
                }
            },
        }
    }

    fn handle(self: &Arc<Self>, node: &dyn Node, msg: Message, measured: bool) -> Sending {
        let watched = self.outlet.watched.load(Ordering::Relaxed) & (OUTCOMES | TRACED);
        match watched | (u8::from(measured) * MEASURED) {
            0 => self.handle_plainly(node, msg, None),
            TRACED if msg.is_ignored() => {
                IGNORED.within(|| self.handle_plainly(node, msg, Some(&IGNORED)))
            }
            observed => self.handle_observed(node, msg, observed),
        }
    }

    /// Like `handle`, for a node with watchers, in a trace, or measured.
    #[cold]
    fn handle_observed(
        self: &Arc<Self>,
        node: &dyn Node,
        mut msg: Message,
        observed: u8,
    ) -> Sending {
        let visit = self.outlet.arrived(&mut msg, observed & MEASURED != 0);
        visit.within(|| match observed & OUTCOMES {
            0 => self.handle_plainly(node, msg, Some(&visit)),
            _ => self.handle_watched(node, msg, &visit),
        })
    }

    #[inline(always)]
    fn handle_plainly(
        self: &Arc<Self>,
        node: &dyn Node,
        msg: Message,
        visit: Option<&Visit>,
    ) -> Sending {
        let attempt = || self.outlet.seat.run(|| node.on_message_now(msg, &self.cx));
        let handled = std::panic::catch_unwind(AssertUnwindSafe(attempt));
        if let Some(visit) = visit {
            visit.pause();
        }
        let visit = || visit.cloned().unwrap_or_default();
        match handled {
            Ok(Handled::Send(port, msg)) => self.outlet.send(port, msg),
            Ok(Handled::Done) => Sending::done(),
            Ok(Handled::Kept(sending)) => self.rest(sending, visit()),
            Ok(Handled::NotNow(msg)) => self.handle_later(msg, visit()),
            Ok(Handled::SendAll(messages)) => self.send_all(messages, visit()),
            Ok(Handled::Failed(error)) => self.report(error),
            Ok(Handled::Later(future)) => {
                let (this, visit) = (Arc::clone(self), visit());
                Sending::later(Box::pin(async move {
                    let result = guarded(visit.poll(this.outlet.seat.poll(future))).await;
                    visit.within(|| this.finish(result));
                }))
            }
            Err(panic) => self.report(NodeError::panicked(&*panic)),
        }
    }

    /// What is left of the node's own work, in its name.
    pub(super) fn rest(&self, sending: Sending, visit: Visit) -> Sending {
        if sending.is_done() {
            return sending;
        }
        let seat = Arc::clone(&self.outlet.seat);
        Sending::later(Box::pin(async move { visit.poll(seat.poll(sending)).await }))
    }

    fn handle_later(self: &Arc<Self>, msg: Message, visit: Visit) -> Sending {
        let this = Arc::clone(self);
        Sending::later(Box::pin(async move {
            if let Handler::Shared(node) = &this.handler {
                let handling = this.outlet.seat.poll(node.on_message(msg, &this.cx));
                let result = guarded(visit.poll(handling)).await;
                visit.within(|| this.finish(result));
            }
        }))
    }

    pub(super) fn send_all(&self, messages: Vec<(usize, Message)>, visit: Visit) -> Sending {
        let mut messages = messages.into_iter();
        for (port, msg) in messages.by_ref() {
            let sending = self.outlet.send(port, msg);
            if !sending.is_done() {
                let outlet = Arc::clone(&self.outlet);
                return Sending::later(Box::pin(async move {
                    sending.await;
                    for (port, msg) in messages {
                        visit.after(|| outlet.send(port, msg)).await;
                    }
                }));
            }
        }
        Sending::done()
    }

    fn report(&self, error: NodeError) -> Sending {
        self.outlet.fail(&error, None)
    }

    pub(super) fn finish(&self, result: Result<(), NodeError>) {
        if let Err(error) = result {
            self.outlet.tell_failed(&error);
        }
    }
}
