//! Nodes that watch others: delivery of errors, completed messages and statuses.
//!
//! Watchers receive these through a queue, so that a watcher that fails again neither overflows the
//! stack nor waits for itself.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::aside::Until;
use super::traced::TRACED;
use super::{Aside, Handler, Outlet, RunningNode, guarded};
use crate::trace::Visit;
use crate::{
    Handled, Host, Key, Level, Map, Message, Node, NodeError, NodeInfo, Sending, Status, Value,
};

const ERRORS: u8 = 1;
const COMPLETIONS: u8 = 2;
const STATUSES: u8 = 4;

/// The bits for watchers that need a message's outcome.
pub(super) const OUTCOMES: u8 = ERRORS | COMPLETIONS;

/// How many times a message may come back to a node with that node's error.
const ROUNDS: f64 = 10.0;

/// The nodes that watch a node.
#[derive(Clone, Debug, Default)]
pub struct Watchers {
    /// They receive its errors.
    pub errors: Vec<Aside>,
    /// They receive its completed messages.
    pub completions: Vec<Aside>,
    /// They receive its statuses.
    pub statuses: Vec<Aside>,
}

impl RunningNode {
    /// Sets the nodes that watch this one.
    pub fn set_watchers(&self, watchers: Watchers) {
        let bit = |list: &Vec<Aside>, bit| if list.is_empty() { 0 } else { bit };
        let bits = bit(&watchers.errors, ERRORS)
            | bit(&watchers.completions, COMPLETIONS)
            | bit(&watchers.statuses, STATUSES);
        self.outlet.watchers.store(Arc::new(watchers));
        let traced = self.outlet.watched.load(Ordering::Relaxed) & TRACED;
        self.outlet.watched.store(bits | traced, Ordering::Relaxed);
    }

    /// Shows a status of the node that its watchers are told of elsewhere.
    pub fn show_status(&self, status: Status) {
        self.outlet.services.status(&self.outlet.info, status);
    }

    /// Like `handle`, for a watched node: keeps the message until its outcome is known.
    #[cold]
    pub(super) fn handle_watched(
        self: &Arc<Self>,
        node: &dyn Node,
        msg: Message,
        visit: &Visit,
    ) -> Sending {
        let kept = msg.clone();
        let attempt = || self.outlet.seat.run(|| node.on_message_now(msg, &self.cx));
        let handled = std::panic::catch_unwind(AssertUnwindSafe(attempt));
        visit.pause();
        let outlet = &self.outlet;
        match handled {
            Ok(Handled::Send(port, msg)) => {
                // The message as the node changed it, as far as that is visible here.
                let kept = if msg.id() == kept.id() { msg.clone() } else { kept };
                self.then_complete(outlet.send(port, msg), kept)
            }
            Ok(Handled::SendAll(messages)) => {
                self.then_complete(self.send_all(messages, visit.clone()), kept)
            }
            Ok(Handled::Done) => outlet.complete(kept),
            Ok(Handled::Kept(sending)) => self.rest(sending, visit.clone()),
            Ok(Handled::Failed(error)) => outlet.fail(&error, Some(kept)),
            Ok(Handled::NotNow(msg)) => {
                let (this, visit) = (Arc::clone(self), visit.clone());
                Sending::later(Box::pin(async move {
                    let Handler::Shared(node) = &this.handler else { return };
                    let handling = this.outlet.seat.poll(node.on_message(msg, &this.cx));
                    let result = guarded(visit.poll(handling)).await;
                    visit.after(|| this.outlet.settle(result, kept)).await;
                }))
            }
            Ok(Handled::Later(future)) => {
                let (outlet, visit) = (Arc::clone(outlet), visit.clone());
                Sending::later(Box::pin(async move {
                    let result = guarded(visit.poll(outlet.seat.poll(future))).await;
                    visit.after(|| outlet.settle(result, kept)).await;
                }))
            }
            Err(panic) => outlet.fail(&NodeError::panicked(&*panic), Some(kept)),
        }
    }

    fn then_complete(&self, sending: Sending, msg: Message) -> Sending {
        if sending.is_done() {
            return self.outlet.complete(msg);
        }
        let outlet = Arc::clone(&self.outlet);
        Sending::later(Box::pin(async move {
            sending.await;
            outlet.complete(msg).await;
        }))
    }
}

impl Outlet {
    fn settle(&self, result: Result<(), NodeError>, msg: Message) -> Sending {
        match result {
            Ok(()) => self.complete(msg),
            Err(error) => self.fail(&error, Some(msg)),
        }
    }

    pub(super) fn completions_are_watched(&self) -> bool {
        self.watched.load(Ordering::Relaxed) & COMPLETIONS != 0
    }

    /// Reports a completed message.
    pub(super) fn complete(&self, msg: Message) -> Sending {
        if !self.completions_are_watched() {
            return Sending::done();
        }
        let source = Map::from_iter([(Key::new_static("source"), source(&self.info))]);
        let mut told = msg;
        told.set("complete", source);
        self.tell(&self.watchers.load().completions, &told, Until::Queued)
    }

    /// Reports a failure to the watchers. The returned future ends when their queues have accepted
    /// it.
    pub(super) fn fail(&self, error: &NodeError, msg: Option<Message>) -> Sending {
        self.fail_until(error, msg, Until::Queued)
    }

    pub(super) fn fail_until(
        &self,
        error: &NodeError,
        msg: Option<Message>,
        until: Until,
    ) -> Sending {
        match self.failure(error, msg) {
            Some(told) => self.tell(&self.watchers.load().errors, &told, until),
            None => Sending::done(),
        }
    }

    /// Like [`fail`](Self::fail), without waiting.
    pub(super) fn fail_aside(&self, error: &NodeError, msg: Option<Message>) {
        if let Some(told) = self.failure(error, msg) {
            self.tell_now(&self.watchers.load().errors, &told);
        }
    }

    /// The message for error watchers; `None` if there are no error watchers.
    fn failure(&self, error: &NodeError, msg: Option<Message>) -> Option<Message> {
        let watched = self.watched.load(Ordering::Relaxed) & ERRORS != 0;
        self.mark_failed(error, msg.as_ref());
        let told = watched.then(|| self.caught(error, msg)).flatten();
        self.count_failed(error, told.is_some());
        told
    }

    /// Counts and reports an error that is not caught.
    pub(super) fn tell_failed(&self, error: &NodeError) {
        self.mark_failed(error, None);
        self.count_failed(error, false);
    }

    /// `caught` says that a watcher receives the error.
    fn count_failed(&self, error: &NodeError, caught: bool) {
        if let Some(traffic) = &self.traffic {
            traffic.failed();
        }
        self.services.failed(&self.info, error, caught);
    }

    /// The message with the error in it; `None` if it came back with this node's errors too often.
    fn caught(&self, error: &NodeError, msg: Option<Message>) -> Option<Message> {
        let mut msg = msg.unwrap_or_default();
        self.adopt(&mut msg);
        let before = msg.get("error").and_then(|error| error.get("source"));
        let mine = before.filter(|source| {
            source.get("id").and_then(Value::as_str) == Some(self.info.id.as_str())
        });
        let count = mine.map_or(1.0, |source| {
            source.get("count").and_then(Value::as_f64).unwrap_or_default() + 1.0
        });
        if count >= ROUNDS {
            self.warn(format_args!(
                "the message came back with an error of this node {ROUNDS} times; \
                 it is not caught again"
            ));
            return None;
        }
        let mut source = source(&self.info);
        source.insert("count", count);
        let mut described = Map::from_iter([
            (Key::new_static("message"), Value::from(error.told())),
            (Key::new_static("source"), source.into()),
        ]);
        for (key, value) in error.details().iter() {
            described.insert(key.clone(), value.clone());
        }
        if let Some(before) = msg.get("error").cloned() {
            msg.set("_error", before);
        }
        msg.set("error", described);
        Some(msg)
    }

    /// Shows a status and sends it to the watchers.
    pub(super) fn show(&self, status: Status) {
        if self.watched.load(Ordering::Relaxed) & STATUSES == 0 {
            return self.services.status(&self.info, status);
        }
        let mut told = status_message(&self.info, &status);
        self.adopt(&mut told);
        self.services.status(&self.info, status);
        self.tell_now(&self.watchers.load().statuses, &told);
    }

    fn warn(&self, text: std::fmt::Arguments<'_>) {
        self.services.log(&self.info, Level::Warn, text);
    }

    /// Sends each watcher its own copy.
    fn tell(&self, watchers: &[Aside], told: &Message, until: Until) -> Sending {
        let mut waiting = Vec::new();
        for watcher in watchers {
            let (services, info) = (Arc::clone(&self.services), Arc::clone(&self.info));
            let late = move |missed| {
                services.log(&info, Level::Warn, format_args!("{}", NodeError::from(missed)));
            };
            let sending = watcher.send(told.clone(), until, late);
            if !sending.is_done() {
                waiting.push(sending);
            }
        }
        if waiting.is_empty() {
            return Sending::done();
        }
        Sending::later(Box::pin(async move {
            for sending in waiting {
                sending.await;
            }
        }))
    }

    fn tell_now(&self, watchers: &[Aside], told: &Message) {
        for watcher in watchers {
            if let Err(missed) = watcher.try_send(told.clone()) {
                self.warn(format_args!("{}", NodeError::from(missed)));
            }
        }
    }
}

fn source(info: &NodeInfo) -> Map {
    let mut source = Map::with_capacity(4);
    source.insert("id", info.id.as_str());
    source.insert("type", info.node_type.as_str());
    source.insert("name", info.name.as_str());
    source
}

/// The message for status nodes.
fn status_message(info: &NodeInfo, status: &Status) -> Message {
    let mut shown = Map::new();
    for (key, value) in [("fill", status.fill), ("shape", status.shape)] {
        if !value.is_empty() {
            shown.insert(key, value);
        }
    }
    if !status.text.is_empty() {
        shown.insert("text", status.text.clone());
    }
    for (key, value) in status.details.iter() {
        shown.insert(key.clone(), value.clone());
    }
    shown.insert("source", source(info));
    Message::from(Map::from_iter([(Key::new_static("status"), shown)]))
}
