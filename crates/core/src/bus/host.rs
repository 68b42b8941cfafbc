//! The operations of a node's context, implemented by its outlet.

use std::any::{Any, TypeId};
use std::fmt;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::cluster::Cluster;
use crate::port::Port;
use crate::trace::{self, Carrier, Remote};

use super::aside::Until;
use super::{Outlet, Seat, Wire};
use crate::{
    Atomic, Host, Key, Level, Links, Message, NodeError, NodeInfo, PropertyPath, Scope, Sending,
    SettingValue, Status, Users, Value,
};

impl Host for Outlet {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn send(&self, port: usize, mut msg: Message) -> Sending {
        msg.ensure_id();
        if let Some(tracer) = &self.tracer {
            self.departs(tracer, &mut msg);
        }
        if let Some(traffic) = &self.traffic {
            traffic.sent();
            if trace::is_measured() {
                return trace::without_time(|| self.send_on_wires(port, msg));
            }
        }
        self.send_on_wires(port, msg)
    }

    fn traces_over(&self, carrier: Carrier) -> bool {
        self.tracer.as_ref().is_some_and(|tracer| tracer.uses(carrier))
    }

    fn begin_trace(&self, msg: &mut Message, remote: Option<Remote>) {
        self.begin(msg, remote);
    }

    fn wired(&self, port: usize) -> bool {
        self.wires.load().get(port).is_some_and(|wires| !wires.is_empty())
    }

    fn deliver(&self, id: &str, msg: Message) -> Result<Sending, NodeError> {
        let node = self.services.addressed(id);
        let node = node.ok_or_else(|| NodeError::new(format!("there is no node `{id}`")))?;
        Ok(match id.starts_with(Links::ANSWER) {
            // An answer comes before what is sent after it.
            true => self.hand_over(&node, msg),
            false => self.queue_at(&node, msg),
        })
    }

    fn find_linked(&self, name: &str) -> Result<String, NodeError> {
        self.services.find_linked(&self.info, name)
    }

    fn status(&self, status: Status) {
        self.show(status);
    }

    fn status_of_users(&self, status: Status) {
        self.show_at_users(&status);
    }

    fn status_of(&self, user: &str, status: Status) -> Result<(), NodeError> {
        self.show_at(user, status)
    }

    fn send_to(&self, id: &str, msg: Message) -> Result<Sending, NodeError> {
        self.send_to_peer(id, msg)
    }

    fn ask(&self, id: &str, request: Value) -> BoxFuture<'static, Result<Value, NodeError>> {
        self.ask_config_node(id, request)
    }

    fn log(&self, level: Level, text: fmt::Arguments<'_>) {
        self.services.log(&self.info, level, text);
    }

    fn log_value(&self, level: Level, value: Value, text: fmt::Arguments<'_>) {
        self.services.log_value(&self.info, level, value, text);
    }

    fn failed(&self, error: NodeError) {
        self.fail_aside(&error, None);
    }

    fn failed_with(&self, error: NodeError, msg: Message) -> Sending {
        self.fail(&error, Some(msg))
    }

    fn failed_first(&self, error: NodeError, msg: Message) -> Sending {
        self.fail_until(&error, Some(msg), Until::Handled)
    }

    fn completed(&self, msg: Message) -> Sending {
        self.complete(msg)
    }

    fn completion_watched(&self) -> bool {
        self.completions_are_watched()
    }

    fn publish(&self, topic: &'static str, data: Value) {
        self.services.publish(&self.info, topic, data);
    }

    fn env(&self, name: &str) -> Option<Value> {
        self.services.env(&self.info, name)
    }

    fn setting(&self, name: &str) -> Option<SettingValue> {
        self.services.setting(name)
    }

    fn spawn(&self, task: BoxFuture<'static, ()>) {
        let stopping = self.stopping.clone();
        let (this, seat) = (self.this.clone(), Arc::clone(&self.seat));
        self.tasks.spawn(async move {
            let task = poll_as(seat, task);
            let task = AssertUnwindSafe(task).catch_unwind();
            if let (Some(Err(panic)), Some(this)) =
                (stopping.run_until_cancelled_owned(task).await, this.upgrade())
            {
                this.fail(&NodeError::panicked(&*panic), None).await;
            }
        });
    }

    fn keep(&self, task: BoxFuture<'static, ()>) {
        self.tasks.spawn(poll_as(Arc::clone(&self.seat), task));
    }

    fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    fn users(&self) -> watch::Receiver<Users> {
        self.user_list.subscribe()
    }

    fn endpoint(&self) -> Option<&str> {
        self.endpoint.get().map(String::as_str)
    }

    fn port(&self) -> Option<Arc<dyn Port>> {
        self.services.port()
    }

    fn cluster(&self) -> Option<Arc<dyn Cluster>> {
        self.services.cluster()
    }

    fn resource(&self, kind: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        self.services.resource(kind)
    }

    fn context_get(
        &self,
        scope: Scope,
        store: &str,
        path: &PropertyPath,
    ) -> Result<Option<Value>, NodeError> {
        let store = self.store(store);
        Ok(match self.place(scope, path)? {
            Some((place, Some(path))) => store.get(&place, &path),
            Some((place, None)) => store.get(&place, path),
            None => None,
        })
    }

    fn context_set(
        &self,
        scope: Scope,
        store: &str,
        path: &PropertyPath,
        value: Option<Value>,
    ) -> Result<(), NodeError> {
        let store = self.store(store);
        let set = match self.place(scope, path)? {
            Some((place, Some(path))) => store.set(&place, &path, value),
            Some((place, None)) => store.set(&place, path, value),
            None => Ok(()),
        };
        set.map_err(|error| NodeError::new(error.to_string()))
    }

    fn context_written(
        &self,
        scope: Scope,
        store: &str,
        path: &PropertyPath,
    ) -> Result<Option<BoxFuture<'static, Result<(), NodeError>>>, NodeError> {
        let store = self.store(store);
        Ok(match self.place(scope, path)? {
            Some((place, Some(path))) => store.written(&place, &path),
            Some((place, None)) => store.written(&place, path),
            None => None,
        })
    }

    fn context_change(
        &self,
        scope: Scope,
        store: &str,
        path: &PropertyPath,
        change: Atomic,
    ) -> Result<BoxFuture<'static, Result<Value, NodeError>>, NodeError> {
        let store = self.store(store);
        Ok(match self.place(scope, path)? {
            Some((place, Some(path))) => store.change(&place, &path, change),
            Some((place, None)) => store.change(&place, path, change),
            None => return Err(NodeError::new("there is no flow around this one")),
        })
    }

    fn context_keys(&self, scope: Scope, store: &str) -> Result<Vec<Key>, NodeError> {
        Ok(self.store(store).keys(&self.own_place(scope)?))
    }
}

impl Outlet {
    #[inline]
    fn send_on_wires(&self, port: usize, msg: Message) -> Sending {
        let wires = self.wires.load();
        match wires.get(port).map(Vec::as_slice) {
            None | Some([]) => Sending::done(),
            Some([wire]) => wire.carry(msg),
            Some(many) => send_to_many(many, msg),
        }
    }
}

/// Runs a task in the node's name.
async fn poll_as(seat: Arc<Seat>, task: BoxFuture<'static, ()>) {
    seat.poll(task).await;
}

/// Delivers to each wire in order. The returned future delivers the first message that has to wait
/// and all after it, so that the order is kept.
fn send_to_many(wires: &[Wire], msg: Message) -> Sending {
    let Some((last, others)) = wires.split_last() else { return Sending::done() };
    for (at, wire) in others.iter().enumerate() {
        let sending = wire.carry(msg.clone());
        if !sending.is_done() {
            let rest: Vec<Wire> = wires[at + 1..].to_vec();
            return Sending::later(Box::pin(async move {
                sending.await;
                for wire in rest {
                    wire.carry(msg.clone()).await;
                }
            }));
        }
    }
    last.carry(msg)
}
