//! `Options`: what an instance says about itself and its cluster.

use std::time::Duration;

/// What an instance is called, and its limits.
#[derive(Clone, Debug)]
pub struct Options {
    /// What all subjects begin with; see [`is_prefix`](ferrowire_core::cluster::is_prefix).
    pub prefix: String,
    /// The name of the cluster; see `ferrowire_core::cluster::is_name`. Clusters with
    /// different names or prefixes never meet.
    pub cluster: String,
    /// The name of this instance, which no other one of the cluster has.
    pub instance: String,
    /// After what time without a sign of life an instance counts as gone.
    pub time_to_live: Duration,
    /// How long others may take to answer.
    pub timeout: Duration,
    /// How many bytes may wait for the connection.
    pub queue: usize,
    /// On how many servers of NATS a bucket is kept, which this instance makes.
    pub replicas: usize,
}

impl Default for Options {
    /// A random instance of the cluster `ferrowire`.
    fn default() -> Self {
        Options {
            prefix: "ferrowire".to_owned(),
            cluster: "ferrowire".to_owned(),
            instance: random_name(),
            time_to_live: Duration::from_secs(6),
            timeout: Duration::from_secs(2),
            queue: 8 * 1024 * 1024,
            replicas: 1,
        }
    }
}

/// A name for an instance that has none.
pub fn random_name() -> String {
    format!("{:012x}", fastrand::u64(..) >> 16)
}
