//! `--cluster`: this instance in a cluster over NATS.

#[cfg(feature = "cluster")]
pub(crate) use with_nats::{Joined, available, join};
#[cfg(not(feature = "cluster"))]
pub(crate) use without::{Joined, available, join};

#[cfg(feature = "cluster")]
mod with_nats {
    use std::sync::Arc;

    use anyhow::Context;
    use ferrowire_cluster::nats::{self, Login, NatsOptions};
    use ferrowire_cluster::{Member, Options, metrics, random_name};
    use ferrowire_core::cluster::Cluster;

    use crate::settings::{Settings, table};

    ferrowire::metrics!(
        metrics::CONNECTED,
        metrics::INSTANCES,
        metrics::LEASES,
        metrics::SENT,
        metrics::RECEIVED,
        metrics::DROPPED_QUEUE,
        metrics::DROPPED_SIZE,
        metrics::DROPPED_SLOW,
        metrics::DROPPED_VERSION,
        metrics::DROPPED_SHAPE,
        metrics::JOURNAL_WAITING,
        metrics::JOURNAL_WRITTEN,
        metrics::JOURNAL_REFUSED,
        metrics::JOURNAL_FULL,
        metrics::JOURNAL_GAPS,
    );

    /// This instance in its cluster, if it is part of one.
    pub(crate) struct Joined(Option<Arc<Member>>);

    /// Whether the program can be part of a cluster.
    pub(crate) fn available(_: Vec<String>) -> Result<(), String> {
        Ok(())
    }

    /// Joins the cluster of the settings, if they name one.
    ///
    /// # Errors
    /// If an option is invalid, a file cannot be read, or NATS cannot be reached and is required.
    pub(crate) async fn join(settings: &Settings) -> anyhow::Result<Joined> {
        let servers = settings.get(&table::CLUSTER);
        if servers.is_empty() {
            return Ok(Joined(None));
        }
        let nats = NatsOptions {
            servers,
            login: login(settings),
            authorities: settings.get(&table::CLUSTER_TLS_CA),
            identity: settings
                .get(&table::CLUSTER_TLS_CERT)
                .zip(settings.get(&table::CLUSTER_TLS_KEY)),
        };
        let options = Options {
            prefix: settings.get(&table::CLUSTER_PREFIX),
            cluster: settings.get(&table::CLUSTER_NAME),
            instance: settings.get(&table::INSTANCE_NAME).unwrap_or_else(random_name),
            time_to_live: settings.get(&table::CLUSTER_TTL),
            timeout: settings.get(&table::CLUSTER_TIMEOUT),
            queue: settings.get(&table::CLUSTER_QUEUE),
            replicas: settings.get(&table::CLUSTER_REPLICAS),
        };
        let required = settings.get(&table::CLUSTER_REQUIRED);
        let member = nats::join(options, &nats, required).await;
        Ok(Joined(Some(Arc::new(member.context("cannot join the cluster")?))))
    }

    /// The first of them that is set.
    fn login(settings: &Settings) -> Login {
        let user = settings.get(&table::CLUSTER_USER);
        let user = user.zip(settings.get(&table::CLUSTER_PASSWORD));
        if let Some(file) = settings.get(&table::CLUSTER_CREDENTIALS) {
            return Login::File(file);
        }
        if let Some((user, password)) = user {
            return Login::User(user, password.expose().to_owned());
        }
        match settings.get(&table::CLUSTER_TOKEN) {
            Some(token) => Login::Token(token.expose().to_owned()),
            None => Login::None,
        }
    }

    impl Joined {
        /// What nodes see of it.
        pub(crate) fn services(&self) -> Option<Arc<dyn Cluster>> {
            self.0.clone().map(|member| member as Arc<dyn Cluster>)
        }

        /// Leaves the cluster, which takes two seconds at most.
        pub(crate) async fn leave(&self) {
            if let Some(member) = &self.0 {
                member.leave().await;
            }
        }
    }
}

#[cfg(not(feature = "cluster"))]
mod without {
    use std::sync::Arc;

    use ferrowire_core::cluster::Cluster;

    use crate::settings::Settings;

    /// No cluster.
    pub(crate) struct Joined;

    /// Whether the program can be part of a cluster.
    pub(crate) fn available(servers: Vec<String>) -> Result<(), String> {
        match servers.is_empty() {
            true => Ok(()),
            false => Err("this program was built without the feature `cluster`".to_owned()),
        }
    }

    /// Joins nothing.
    pub(crate) async fn join(_: &Settings) -> anyhow::Result<Joined> {
        Ok(Joined)
    }

    impl Joined {
        /// Nodes see none.
        pub(crate) fn services(&self) -> Option<Arc<dyn Cluster>> {
            None
        }

        /// Nothing to leave.
        pub(crate) async fn leave(&self) {}
    }
}
