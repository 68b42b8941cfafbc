//! How a node handles a message: the forms in which its code may answer.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::mpsc::error::TrySendError;

use super::{Handler, RunningNode, guarded, traced, watching};
use crate::{Handled, Host as _, Message, Node, NodeError, Sending, trace};

impl RunningNode {
    pub(super) fn hand_over(self: &Arc<Self>, msg: Message) -> Sending {
        if let Some(traffic) = &self.outlet.traffic {
            traffic.received();
        }
        match &self.handler {
            Handler::Shared(node) => self.handle(&**node, msg),
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

    fn handle(self: &Arc<Self>, node: &dyn Node, msg: Message) -> Sending {
        match self.outlet.watched.load(Ordering::Relaxed) & (watching::OUTCOMES | traced::TRACED) {
            0 => self.handle_plainly(node, msg, || ()),
            observed => self.handle_observed(node, msg, observed),
        }
    }

    /// Like `handle`, for a node with watchers or in a trace.
    #[cold]
    fn handle_observed(
        self: &Arc<Self>,
        node: &dyn Node,
        mut msg: Message,
        observed: u8,
    ) -> Sending {
        let visit = self.outlet.arrived(&mut msg);
        visit.within(|| match observed & watching::OUTCOMES {
            0 => self.handle_plainly(node, msg, trace::pause),
            _ => self.handle_watched(node, msg, trace::pause),
        })
    }

    /// `after` is called when the node's code has returned.
    #[inline(always)]
    fn handle_plainly(
        self: &Arc<Self>,
        node: &dyn Node,
        msg: Message,
        after: impl FnOnce(),
    ) -> Sending {
        let attempt = || self.outlet.seat.run(|| node.on_message_now(msg, &self.cx));
        let handled = std::panic::catch_unwind(AssertUnwindSafe(attempt));
        after();
        match handled {
            Ok(Handled::Send(port, msg)) => self.outlet.send(port, msg),
            Ok(Handled::Done) => Sending::done(),
            Ok(Handled::Kept(sending)) => self.rest(sending),
            Ok(Handled::NotNow(msg)) => self.handle_later(msg),
            Ok(Handled::SendAll(messages)) => self.send_all(messages),
            Ok(Handled::Failed(error)) => self.report(error),
            Ok(Handled::Later(future)) => {
                let (this, visit) = (Arc::clone(self), self.outlet.visit());
                Sending::later(Box::pin(async move {
                    let result = guarded(visit.poll(this.outlet.seat.poll(future))).await;
                    visit.within(|| this.finish(result));
                }))
            }
            Err(panic) => self.report(NodeError::panicked(&*panic)),
        }
    }

    /// What is left of the node's own work, in its name.
    pub(super) fn rest(&self, sending: Sending) -> Sending {
        if sending.is_done() {
            return sending;
        }
        let (seat, visit) = (Arc::clone(&self.outlet.seat), self.outlet.visit());
        Sending::later(Box::pin(async move { visit.poll(seat.poll(sending)).await }))
    }

    fn handle_later(self: &Arc<Self>, msg: Message) -> Sending {
        let (this, visit) = (Arc::clone(self), self.outlet.visit());
        Sending::later(Box::pin(async move {
            if let Handler::Shared(node) = &this.handler {
                let handling = this.outlet.seat.poll(node.on_message(msg, &this.cx));
                let result = guarded(visit.poll(handling)).await;
                visit.within(|| this.finish(result));
            }
        }))
    }

    pub(super) fn send_all(&self, messages: Vec<(usize, Message)>) -> Sending {
        let mut messages = messages.into_iter();
        for (port, msg) in messages.by_ref() {
            let sending = self.outlet.send(port, msg);
            if !sending.is_done() {
                let (outlet, visit) = (Arc::clone(&self.outlet), self.outlet.visit());
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
