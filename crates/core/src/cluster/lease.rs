//! Leases: parts that one instance of a cluster has at a time.

use std::fmt;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use tokio::sync::watch;

/// A part that one of the instances that ask for it has, until this is dropped. When that instance is gone or cut
/// off, another one gets it after the cluster's time to live; while there is no cluster, nobody has it.
pub trait Lease: fmt::Debug + Send + Sync {
    /// Who has it, as it changes.
    fn holding(&self) -> watch::Receiver<Holding>;

    /// What the instance that has it, or had it before, has noted last. Outlives the instances.
    fn mark(&self) -> Option<Bytes>;

    /// Notes `mark`, if this instance has the lease. Returns whether it has, and has noted it: no other instance
    /// had the lease in between.
    fn note(&self, mark: Bytes) -> BoxFuture<'static, bool>;
}

/// Who has a lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Holding {
    /// Nobody, or that is not known yet.
    Nobody,
    /// This instance.
    Here,
    /// Another instance.
    Elsewhere,
}
