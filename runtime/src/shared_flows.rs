//! `--cluster-flows`: all instances of a cluster run the same flows.

use std::sync::Arc;

use anyhow::bail;
use ferrowire_admin::{Admin, BEHIND, Comms, CredentialSecret, REVISION, SharedFlows};
use ferrowire_core::cluster::Cluster;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::settings::{Settings, table};

ferrowire::metrics!(BEHIND, REVISION);

/// Has `admin` share its flows, if the settings say so.
///
/// # Errors
/// If the settings do not allow it.
pub(crate) fn share(
    admin: &Admin,
    cluster: Option<&Arc<dyn Cluster>>,
    settings: &Settings,
) -> anyhow::Result<()> {
    if !settings.get(&table::CLUSTER_FLOWS) {
        return Ok(());
    }
    let Some(cluster) = cluster else { bail!("`cluster-flows` needs the setting `cluster`") };
    if settings.credential_secret == CredentialSecret::Generated {
        bail!(
            "`cluster-flows` needs `credential-secret`, the same at all instances, since they share the \
             credentials"
        );
    }
    if let files @ 2.. = admin.settings().flow_files.len() {
        bail!("`cluster-flows` needs one flow file, and the flows come from {files}");
    }
    let wait = (settings.get(&table::CLUSTER_TIMEOUT), settings.get(&table::CLUSTER_REQUIRED));
    admin.share_flows(SharedFlows::new(cluster.bucket(&["flows"]), cluster.instance(), wait));
    Ok(())
}

/// Runs what other instances deploy, until this is ended.
pub(crate) struct Following {
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

impl Following {
    pub(crate) fn begin(admin: &Arc<Admin>, comms: &Comms) -> Self {
        let (stop, mut tasks) = (CancellationToken::new(), JoinSet::new());
        tasks.spawn(Arc::clone(admin).follow_flows(comms.clone(), stop.clone()));
        Following { stop, tasks }
    }

    /// Begins no further deploy, and waits for the one that has begun.
    pub(crate) async fn end(mut self) {
        self.stop.cancel();
        while self.tasks.join_next().await.is_some() {}
    }
}
