//! The context of an expression in an `env` list: it reads other variables, and nothing else.

use std::any::{Any, TypeId};
use std::fmt;
use std::sync::Arc;

use ferrowire_core::{
    Host, Level, Message, NodeContext, NodeError, NodeInfo, Sending, Status, Users, Value,
};
use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

/// Looks up a variable.
type Lookup = Box<dyn Fn(&str) -> Option<Value> + Send + Sync>;

struct EnvHost {
    info: NodeInfo,
    lookup: Lookup,
    stopping: CancellationToken,
}

/// A context with the variables that `lookup` finds.
pub(crate) fn context(lookup: Lookup) -> NodeContext {
    let (info, stopping) = (NodeInfo::default(), CancellationToken::new());
    NodeContext::new(Arc::new(EnvHost { info, lookup, stopping }))
}

impl Host for EnvHost {
    fn info(&self) -> &NodeInfo {
        &self.info
    }

    fn send(&self, _: usize, _: Message) -> Sending {
        Sending::done()
    }

    fn status(&self, _: Status) {}

    fn status_of_users(&self, _: Status) {}

    fn log(&self, _: Level, _: fmt::Arguments<'_>) {}

    fn failed(&self, _: NodeError) {}

    fn publish(&self, _: &'static str, _: Value) {}

    fn env(&self, name: &str) -> Option<Value> {
        (self.lookup)(name)
    }

    fn spawn(&self, _: BoxFuture<'static, ()>) {}

    fn stopping(&self) -> &CancellationToken {
        &self.stopping
    }

    fn users(&self) -> watch::Receiver<Users> {
        watch::channel(Users::default()).1
    }

    fn endpoint(&self) -> Option<&str> {
        None
    }

    fn resource(&self, _: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }
}
