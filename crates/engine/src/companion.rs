//! `Companion`: what runs the nodes of hosted types, in another process.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use ferrowire_core::async_trait;
use ferrowire_core::bus::RunningNode;

use crate::{DeployType, FlowFile};

/// Runs the nodes whose type is [hosted](ferrowire_core::NodeType::is_hosted). The engine's own nodes
/// of these types only pass messages on to it.
#[async_trait]
pub trait Companion: Send + Sync + fmt::Debug {
    /// A deploy begins. Messages in both directions wait until the flows of the next
    /// [`deploy`](Companion::deploy) run.
    fn hold(&self);

    /// Runs the hosted nodes of these flows and no others. The engine's nodes have started. Returns
    /// at once; deploys are carried out in order.
    fn deploy(&self, flows: HostedFlows);

    /// Stops everything. Later deploys have no effect.
    async fn stop(&self);
}

/// The flows that a companion is to run.
#[derive(Clone, Debug)]
pub struct HostedFlows {
    /// All objects of the flow file; none if the flows are stopped.
    pub file: FlowFile,
    /// What is restarted.
    pub deploy_type: DeployType,
    /// The running nodes of the engine, by id. Those of hosted types are among them.
    pub nodes: Arc<HashMap<String, Arc<RunningNode>>>,
}
