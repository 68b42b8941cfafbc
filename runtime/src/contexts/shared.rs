//! Context stores that the instances of a cluster share: the module `nats`.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use ferrowire_context::{SharedOptions, SharedStore, metrics};
use ferrowire_core::cluster::Cluster;
use tracing::warn;

use crate::settings::{Settings, table};

ferrowire::metrics!(metrics::WAITING, metrics::WRITTEN, metrics::REFUSED);

/// What the buckets of context stores have in their names.
const BUCKETS: &str = "context";

/// Why there can be no such store; `None` if there can.
pub(super) fn unavailable() -> Option<&'static str> {
    match cfg!(feature = "cluster") {
        true => None,
        false => Some("the module `nats` needs a program with the feature `cluster`"),
    }
}

/// The store of this name, which is empty until it runs.
pub(super) fn store(
    name: &str,
    settings: &Settings,
    cluster: Option<&Arc<dyn Cluster>>,
) -> anyhow::Result<Arc<SharedStore>> {
    let Some(cluster) = cluster else {
        bail!("context store `{name}`: the module `nats` needs the setting `cluster`");
    };
    let options = SharedOptions {
        name: name.to_owned(),
        queue: settings.get(&table::CLUSTER_QUEUE),
        timeout: settings.get(&table::CLUSTER_TIMEOUT),
    };
    Ok(SharedStore::new(options, cluster.bucket(&[BUCKETS, name])))
}

/// Waits until running stores have read what is there, so that the flows start with it.
///
/// # Errors
/// If one cannot be read, and NATS is required.
pub(super) async fn first(stores: &[Arc<SharedStore>], settings: &Settings) -> anyhow::Result<()> {
    let required: bool = settings.get(&table::CLUSTER_REQUIRED);
    let limit: Duration = settings.get(&table::CLUSTER_TIMEOUT);
    for store in stores {
        let name = store.name();
        let first = match tokio::time::timeout(limit, store.first()).await {
            Ok(first) => first,
            Err(_) => Err(format!("NATS has not answered after {} s", limit.as_secs_f64())),
        };
        match first {
            Err(why) if required => {
                let failed = Err(anyhow::anyhow!(why));
                return failed.with_context(|| format!("context store `{name}`"));
            }
            Err(why) => {
                warn!("the flows start without the values of the context store `{name}`: {why}")
            }
            Ok(()) => {}
        }
    }
    Ok(())
}
