//! Messages and requests between a configuration node and its users.

use std::cell::Cell;
use std::collections::HashMap;
use std::panic::AssertUnwindSafe;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Weak};

use futures_util::future::BoxFuture;

use super::aside::Until;
use super::{Handler, Outlet, RunningNode, guarded_as};
use crate::{Message, MutexExt as _, NodeError, Sending, Status, User, Users, Value};

/// Nested deliveries beyond this depth go through a queue: nodes may send to each other in a cycle.
const DEPTH: u32 = 32;

/// Running nodes by id.
pub(super) type Peers = HashMap<String, Weak<RunningNode>>;

impl RunningNode {
    /// Sets the nodes that use this configuration node. The node is notified only of changes.
    pub fn set_users(&self, users: Vec<(User, Arc<RunningNode>)>) {
        let peers = users.iter().map(|(user, node)| (user.info.id.clone(), Arc::downgrade(node)));
        self.outlet.users.store(Arc::new(peers.collect()));
        let handles = users.iter().map(|(_, node)| Arc::downgrade(&node.outlet));
        *self.outlet.shown_at.locked() = handles.collect();
        self.tell_users(users.into_iter().map(|(user, _)| user).collect());
    }

    /// Like [`set_users`](Self::set_users), with users that do not run; for tests of a single node.
    pub fn set_named_users(&self, users: Vec<User>) {
        self.tell_users(users.into());
    }

    fn tell_users(&self, users: Users) {
        self.outlet.user_list.send_if_modified(|old| {
            let is_new = **old != *users;
            if is_new {
                *old = users;
            }
            is_new
        });
    }

    /// Sets the configuration nodes that this node refers to.
    pub fn set_config_nodes(&self, nodes: &[Arc<RunningNode>]) {
        let peers = nodes.iter().map(|node| (node.info().id.clone(), Arc::downgrade(node)));
        self.outlet.config_nodes.store(Arc::new(peers.collect()));
    }
}

impl Outlet {
    /// Shows a status at each user; for the named users of a test, passes it to the services.
    pub(super) fn show_at_users(&self, status: &Status) {
        let running = self.shown_at.locked();
        if running.is_empty() {
            for user in self.user_list.borrow().iter() {
                self.services.status(&user.info, status.clone());
            }
            return;
        }
        running.iter().filter_map(Weak::upgrade).for_each(|user| user.show(status.clone()));
    }

    pub(super) fn show_at(&self, user: &str, status: Status) -> Result<(), NodeError> {
        if let Some(node) = self.users.load().get(user).and_then(Weak::upgrade) {
            node.outlet.show(status);
            return Ok(());
        }
        let users = self.user_list.borrow();
        let Some(named) = users.iter().find(|it| it.info.id == user) else {
            return Err(NodeError::new(format!("the node `{user}` does not use this one")));
        };
        self.services.status(&named.info, status);
        Ok(())
    }

    /// The user or configuration node `id`.
    fn peer(&self, id: &str) -> Result<Arc<RunningNode>, NodeError> {
        let user = self.users.load().get(id).and_then(Weak::upgrade);
        let found = user.or_else(|| self.config_nodes.load().get(id).and_then(Weak::upgrade));
        found.ok_or_else(|| {
            NodeError::new(format!("the node `{id}` neither uses this one nor is used by it"))
        })
    }

    pub(super) fn send_to_peer(&self, id: &str, msg: Message) -> Result<Sending, NodeError> {
        Ok(self.hand_over(&self.peer(id)?, msg))
    }

    /// Delivers a message in this task, or through the node's queue if deliveries are nested too
    /// deeply.
    pub(super) fn hand_over(&self, node: &Arc<RunningNode>, mut msg: Message) -> Sending {
        if LEVEL.get() >= DEPTH {
            return self.queue_at(node, msg);
        }
        msg.ensure_id();
        let mut rest = Level::within(|| node.deliver(msg));
        if rest.is_done() {
            return rest;
        }
        Sending::later(Box::pin(std::future::poll_fn(move |cx| {
            Level::within(|| Pin::new(&mut rest).poll(cx))
        })))
    }

    /// Delivers a message through the node's queue.
    pub(super) fn queue_at(&self, node: &Arc<RunningNode>, mut msg: Message) -> Sending {
        self.adopt(&mut msg);
        node.outlet.approached(&mut msg);
        let this = self.this.clone();
        node.aside().send(msg, Until::Queued, move |missed| {
            if let Some(this) = this.upgrade() {
                this.fail_aside(&missed.into(), None);
            }
        })
    }

    pub(super) fn ask_config_node(
        &self,
        id: &str,
        request: Value,
    ) -> BoxFuture<'static, Result<Value, NodeError>> {
        let found = self.config_nodes.load().get(id).and_then(Weak::upgrade);
        let (from, id) = (self.info.id.clone(), id.to_owned());
        Box::pin(async move {
            let node = found.ok_or_else(|| {
                NodeError::new(format!("the node `{id}` does not run, or is not used by this one"))
            })?;
            node.answer(&from, request).await
        })
    }
}

impl RunningNode {
    /// Lets the node answer a request of one of its users.
    pub async fn answer(&self, from: &str, request: Value) -> Result<Value, NodeError> {
        let stopped = || NodeError::new(format!("the node `{}` was stopped", self.info().id));
        if self.stopped.load(Ordering::Relaxed) {
            return Err(stopped());
        }
        let Handler::Shared(node) = &self.handler else {
            return Err(NodeError::new(NO_REQUESTS));
        };
        let answering = self.outlet.seat.poll(node.on_request(from, request, &self.cx));
        let answering = guarded_as(AssertUnwindSafe(answering));
        let answered = self.outlet.stopping.run_until_cancelled(answering).await;
        answered.unwrap_or_else(|| Err(stopped()))
    }
}

/// The error of a node that answers no requests.
pub const NO_REQUESTS: &str = "the node takes no requests";

thread_local! {
    static LEVEL: Cell<u32> = const { Cell::new(0) };
}

/// A nested delivery in progress on this thread.
struct Level;

impl Level {
    /// Runs part of a delivery.
    fn within<T>(work: impl FnOnce() -> T) -> T {
        LEVEL.set(LEVEL.get() + 1);
        let _level = Level;
        work()
    }
}

impl Drop for Level {
    fn drop(&mut self) {
        LEVEL.set(LEVEL.get() - 1);
    }
}
