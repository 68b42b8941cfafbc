//! The metrics of deploys.

use ferrowire_core::metric::{Counter, Histogram};

const DEPLOYS: &str = "deploys";
const DEPLOYS_HELP: &str = "deploys of flows, the start of the program included";

/// Deploys after which the flows run.
pub static DEPLOYED: Counter = Counter::new(DEPLOYS, DEPLOYS_HELP).label("flows", "running");
/// Deploys after which the flows do not run: a node type is missing, or they are stopped.
pub static DEPLOYED_STOPPED: Counter =
    Counter::new(DEPLOYS, DEPLOYS_HELP).label("flows", "stopped");

/// How long deploys take.
pub static DEPLOY_DURATION: Histogram<8> = Histogram::new(
    "deploy_duration",
    "how long deploys take, until all nodes have started",
    &[0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0],
)
.unit("seconds");
