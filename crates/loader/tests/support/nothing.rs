//! `Nothing`: what nodes have around them that need nothing.

use std::any::{Any, TypeId};
use std::fmt::Arguments;
use std::sync::Arc;

use ferrowire_core::bus::{RunningNode, Services};
use ferrowire_core::{ContextStores, Level, NodeError, NodeInfo, Status, Value};

/// No other nodes, no settings, nobody who reads what is logged. A failure ends the program.
#[derive(Default)]
pub(crate) struct Nothing(ContextStores);

impl Services for Nothing {
    fn status(&self, _: &Arc<NodeInfo>, _: Status) {}
    fn log(&self, _: &NodeInfo, _: Level, _: Arguments<'_>) {}
    fn publish(&self, _: &Arc<NodeInfo>, _: &'static str, _: Value) {}
    fn env(&self, _: &NodeInfo, _: &str) -> Option<Value> {
        None
    }
    fn resource(&self, _: TypeId) -> Option<Arc<dyn Any + Send + Sync>> {
        None
    }
    #[expect(clippy::panic, reason = "nothing may fail where this is used")]
    fn failed(&self, _: &Arc<NodeInfo>, error: &NodeError, _: bool) {
        panic!("{error}");
    }
    fn addressed(&self, _: &str) -> Option<Arc<RunningNode>> {
        None
    }
    fn find_linked(&self, _: &NodeInfo, _: &str) -> Result<String, NodeError> {
        Err(NodeError::new("there are no links here"))
    }
    fn contexts(&self) -> &ContextStores {
        &self.0
    }
    fn parent_flow(&self, _: &str) -> Option<String> {
        None
    }
}
