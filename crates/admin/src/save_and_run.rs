//! Changes of the flows: they are saved, with credentials in their own file, and then run.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ferrowire_core::{StopReason, Value};
use ferrowire_engine::{DeployType, Deployed, FlowFile, Interrupted};
use hyper::StatusCode;

use crate::user_dir::Secrets;
use crate::{Admin, Reply, Unusable};

/// The runtime setting that says whether the flows run.
const STATE: &str = "runtimeFlowState";

/// The flows that a deploy asks for.
pub(crate) struct Wanted {
    pub(crate) nodes: Vec<Value>,
    /// All credentials, if the deploy replaces them.
    pub(crate) secrets: Option<Secrets>,
}

/// The flows of the user directory could not be deployed.
#[derive(Debug, thiserror::Error)]
pub enum NotDeployed {
    /// A file cannot be read, or is invalid.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// The runtime is stopping.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Admin {
    /// Reads the flows and starts them, unless they had been stopped through the API. Then they are
    /// deployed without being started.
    ///
    /// # Errors
    /// When a file cannot be read or is invalid.
    pub async fn start(self: &Arc<Self>) -> Result<Deployed, NotDeployed> {
        let _alone = self.deploying.lock().await;
        let (file, secrets) = self.read().await?;
        let state = self.storage().runtime_settings()?.get(STATE).cloned();
        let stopped =
            self.settings().runtime_state && state.as_ref().and_then(Value::as_str) == Some("stop");
        self.stopped.store(stopped, Ordering::Relaxed);
        *self.secrets() = secrets;
        Ok(match stopped {
            true => self.engine().deploy(file, DeployType::Full).await?,
            false => self.engine().start(file).await?,
        })
    }

    /// Reads the flows again and deploys them. If a file cannot be used, the running flows go on.
    ///
    /// # Errors
    /// When a file cannot be read or is invalid.
    pub async fn reload(self: &Arc<Self>, how: DeployType) -> Result<Deployed, NotDeployed> {
        let this = Arc::clone(self);
        let work = async move {
            let _alone = this.deploying.lock().await;
            let (file, secrets) = this.read().await?;
            *this.secrets() = secrets;
            Ok(this.engine().deploy(file, how).await?)
        };
        // A deploy is completed even if the client disconnects.
        self.tasks.spawn(work).await.map_err(Interrupted::from)?
    }

    async fn read(self: &Arc<Self>) -> Result<(FlowFile, Secrets), NotDeployed> {
        let this = Arc::clone(self);
        let read = move || {
            let (file, secrets) = (this.storage().read_flows()?, this.storage().read_secrets()?);
            Ok::<_, Unusable>((file.with_credentials(secrets.by_node()), secrets))
        };
        Ok(tokio::task::spawn_blocking(read).await.map_err(Interrupted::from)??)
    }

    /// Starts or stops the flows. The state is kept over restarts.
    pub(crate) async fn set_state(self: &Arc<Self>, stop: bool) -> Result<(), NotDeployed> {
        let this = Arc::clone(self);
        let work = async move {
            let _alone = this.deploying.lock().await;
            let state = if stop { "stop" } else { "start" };
            this.storage().change_runtime_settings(|settings| {
                settings.insert(STATE, state);
            })?;
            this.stopped.store(stop, Ordering::Relaxed);
            match stop {
                true => this.engine().stop(StopReason::Removed).await?,
                false => drop(this.engine().start(this.engine().flows()).await?),
            }
            Ok(())
        };
        self.tasks.spawn(work).await.map_err(Interrupted::from)?
    }
}

/// Saves and deploys the flows that `decide` returns, and returns their revision. Deploys run one
/// at a time, and `decide` is called when it is this one's turn.
pub(crate) async fn deploy(
    admin: &Arc<Admin>,
    how: DeployType,
    decide: impl FnOnce(&Admin) -> Result<Wanted, Reply> + Send + 'static,
) -> Result<Arc<str>, Reply> {
    let tasks = admin.tasks.clone();
    let admin = Arc::clone(admin);
    let work = async move {
        let _alone = admin.deploying.lock().await;
        let Wanted { mut nodes, secrets } = decide(&admin)?;
        let before = admin.secrets().clone();
        let mut secrets = secrets.unwrap_or_else(|| before.clone());
        secrets.take_from(&mut nodes, admin.engine().registry());
        let file = FlowFile::from_nodes(nodes)
            .map_err(|error| Reply::unexpected(&error.to_string()))?
            .with_credentials(secrets.by_node());
        save(&admin, file.clone(), (secrets != before).then(|| secrets.clone())).await?;
        *admin.secrets() = secrets;
        let deployed = admin.engine().deploy(file, how).await;
        Ok(deployed.map_err(|_| Reply::status(StatusCode::INTERNAL_SERVER_ERROR))?.rev)
    };
    let done = tasks.spawn(work).await;
    done.unwrap_or_else(|_| Err(Reply::status(StatusCode::INTERNAL_SERVER_ERROR)))
}

async fn save(admin: &Arc<Admin>, file: FlowFile, secrets: Option<Secrets>) -> Result<(), Reply> {
    let admin = Arc::clone(admin);
    let save = move || admin.storage().save(&file, secrets.as_ref());
    match tokio::task::spawn_blocking(save).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(error)) => {
            tracing::error!("the deploy was refused: {error}");
            Err(Reply::unexpected(&error.to_string()))
        }
        Err(_) => Err(Reply::status(StatusCode::INTERNAL_SERVER_ERROR)),
    }
}
