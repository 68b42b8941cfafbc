//! `Round`: the time from when a connection is wanted to when it is not, or when it is another instance's turn.

use ferrowire::NodeContext;
use ferrowire::cluster::{Holding, Lease};

/// A round, and the lease for it, if one instance of a cluster has the connection.
#[derive(Debug)]
pub(crate) struct Round {
    /// The number of the flow's wish.
    pub(crate) number: u64,
    lease: Option<Box<dyn Lease>>,
}

impl Round {
    /// `once` is whether one instance of a cluster is connected. Without a cluster, it is this one.
    pub(crate) fn begin(number: u64, once: bool, cx: &NodeContext) -> Self {
        let cluster = cx.cluster().filter(|_| once);
        let lease = cluster.map(|cluster| cluster.lease(&["mqtt-broker", cx.id()]));
        Round { number, lease }
    }

    /// Waits until it is the turn of this instance.
    pub(crate) async fn here(&self) {
        self.until(|holding| holding == Holding::Here).await;
    }

    /// Waits until it is not any more.
    pub(crate) async fn over(&self) {
        match self.lease {
            Some(_) => self.until(|holding| holding != Holding::Here).await,
            None => std::future::pending().await,
        }
    }

    async fn until(&self, is_it: impl Fn(Holding) -> bool) {
        if let Some(lease) = &self.lease {
            let mut holding = lease.holding();
            // The lease has the sender as long as this.
            let _ended = holding.wait_for(|holding| is_it(*holding)).await;
        }
    }
}
