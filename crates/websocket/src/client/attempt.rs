//! One attempt of a client to connect.

use std::time::Duration;

use ferrowire_core::NodeError;

use crate::client::dial::{Opened, Plan, dial};
use crate::client::link::Link;
use crate::client::url::Url;

/// Why there is no connection.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) error: NodeError,
    /// The status with which the server refused.
    pub(crate) status: Option<u16>,
    /// How long the server asked to wait.
    pub(crate) retry_after: Option<Duration>,
}

impl From<NodeError> for Failed {
    fn from(error: NodeError) -> Self {
        Failed { error, status: None, retry_after: None }
    }
}

/// Opens a connection within the limit.
pub(crate) async fn establish(link: &Link, url: Option<Url>) -> Result<Opened, Failed> {
    let plan = Plan::of(url, &link.options, &link.cx).await.map_err(NodeError::new)?;
    let (host, port) = (&plan.url.host, plan.url.port);
    match tokio::time::timeout(link.handshake, dial(&plan)).await {
        Ok(Ok(opened)) => Ok(opened),
        Ok(Err(error)) => {
            let (status, retry_after) = error.refusal().unzip();
            let error = NodeError::caused_by("cannot connect", error);
            Err(Failed { error, status, retry_after: retry_after.flatten() })
        }
        Err(_) => Err(NodeError::new(format!(
            "cannot connect: {host}:{port} did not finish the handshake within {:?}",
            link.handshake
        ))
        .into()),
    }
}
