//! Changing the flows: credentials apart, saved, then run.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use ferrowire_core::{StopReason, Value};
use ferrowire_engine::{DeployType, Deployed, FlowFile, Interrupted};
use hyper::StatusCode;

use crate::user_dir::Secrets;
use crate::{Admin, Reply, Unusable};

/// Whether the flows run, among the runtime's settings.
const STATE: &str = "runtimeFlowState";

/// What is to be in place.
pub(crate) struct Wanted {
    pub(crate) nodes: Vec<Value>,
    /// All credentials, if they come along whole.
    pub(crate) secrets: Option<Secrets>,
}

/// The flows of the user directory could not be put in place.
#[derive(Debug, thiserror::Error)]
pub enum NotDeployed {
    /// A file could not be read, or is not what it should be.
    #[error(transparent)]
    Unusable(#[from] Unusable),
    /// The runtime ends.
    #[error(transparent)]
    Interrupted(#[from] Interrupted),
}

impl Admin {
    /// Reads the flows and starts them, unless they were stopped before the last end.
    ///
    /// # Errors
    /// When a file cannot be used.
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

    /// Reads the flows again. Those that run go on as they are if a file cannot be used.
    ///
    /// # Errors
    /// When a file cannot be used.
    pub async fn reload(self: &Arc<Self>, how: DeployType) -> Result<Deployed, NotDeployed> {
        let this = Arc::clone(self);
        let work = async move {
            let _alone = this.deploying.lock().await;
            let (file, secrets) = this.read().await?;
            *this.secrets() = secrets;
            Ok(this.engine().deploy(file, how).await?)
        };
        // Not given up half-way when the browser goes away.
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

    /// Starts or stops the flows, until somebody says otherwise.
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

/// Puts in place what `decide` wants, which it is asked when nobody else deploys. Returns the
/// revision.
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
