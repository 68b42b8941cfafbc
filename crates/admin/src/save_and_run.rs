//! Changes of the flows: they are saved, with credentials in their own file, and then run.

use std::sync::Arc;

use ferrowire_core::{StopReason, Value};
use ferrowire_engine::{DeployType, Deployed, FlowFile, Interrupted};
use hyper::StatusCode;

use crate::flows_state::FlowsState;
use crate::shared_flows::Replaces;
use crate::user_dir::{Declarations, MissingFile, Secrets};
use crate::{Admin, Reply, Unusable};

/// The runtime setting that says whether the flows run.
const STATE: &str = "runtimeFlowState";

/// The flows that a deploy asks for.
pub(crate) struct Wanted {
    pub(crate) nodes: Vec<Value>,
    /// All credentials, if the deploy replaces them.
    pub(crate) secrets: Option<Secrets>,
    /// What they may replace in a cluster whose instances share the flows.
    pub(crate) replaces: Replaces,
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
    /// Reads the flows and starts them, unless in safe mode, or if they had been stopped through the
    /// API. Then they are deployed without being started.
    ///
    /// # Errors
    /// When a file cannot be read or is invalid.
    pub async fn start(self: &Arc<Self>) -> Result<Deployed, NotDeployed> {
        let _alone = self.deploying.lock().await;
        let this = Arc::clone(self);
        let read = move || this.read(MissingFile::Empty, MissingFile::Empty);
        let cleaned = Arc::clone(self);
        let clean_up = move || cleaned.storage().clean_up();
        tokio::task::spawn_blocking(clean_up).await.map_err(Interrupted::from)??;
        self.bring_flows().await?;
        let (file, secrets) =
            tokio::task::spawn_blocking(read).await.map_err(Interrupted::from)??;
        let state = match self.settings().safe_mode {
            true => FlowsState::Safe,
            false => self.kept_state()?,
        };
        self.state.set(state);
        *self.secrets() = secrets;
        Ok(match state {
            FlowsState::Started => self.engine().start(file).await?,
            FlowsState::Stopped | FlowsState::Safe => {
                self.engine().deploy(file, DeployType::Full).await?
            }
        })
    }

    /// The state that the API set in this or an earlier run.
    fn kept_state(&self) -> Result<FlowsState, Unusable> {
        let settings = self.storage().runtime_settings()?;
        let kept = settings.get(STATE).and_then(Value::as_str);
        Ok(match self.settings().runtime_state && kept == Some(FlowsState::Stopped.name()) {
            true => FlowsState::Stopped,
            false => FlowsState::Started,
        })
    }

    /// Reads the flows again and deploys them. If a file cannot be used, or was removed, the running
    /// flows go on.
    ///
    /// # Errors
    /// When a file cannot be read or is invalid, or when it is missing although there are flows or
    /// credentials.
    pub async fn reload(self: &Arc<Self>, how: DeployType) -> Result<Deployed, NotDeployed> {
        let this = Arc::clone(self);
        let work = async move {
            let _alone = this.deploying.lock().await;
            let of = |is_empty| if is_empty { MissingFile::Empty } else { MissingFile::Error };
            let flows = of(this.engine().flows().nodes().is_empty());
            let credentials = of(this.secrets().is_empty());
            let reader = Arc::clone(&this);
            let read = tokio::task::spawn_blocking(move || reader.read(flows, credentials));
            let (file, secrets) = read.await.map_err(Interrupted::from)??;
            let published = this.publish_changed(&file, &secrets).await?;
            *this.secrets() = secrets;
            let deployed = this.replace(file, how).await;
            this.run_by_all(published);
            deployed
        };
        // A deploy is completed even if the client disconnects.
        self.tasks.spawn(work).await.map_err(Interrupted::from)?
    }

    /// Publishes flows that were read again, if they are not those that run.
    async fn publish_changed(
        &self,
        file: &FlowFile,
        secrets: &Secrets,
    ) -> Result<Option<u64>, Unusable> {
        let is_new = file.rev() != self.engine().rev() || *secrets != *self.secrets();
        let Some(shared) = self.shared().filter(|_| is_new) else { return Ok(None) };
        let published = shared.publish(self, (file, secrets), Replaces::Own).await;
        published.map(Some).map_err(|refusal| {
            let why = match refusal.status {
                StatusCode::CONFLICT => "another instance has deployed newer ones".to_owned(),
                _ => String::from_utf8_lossy(&refusal.body).into_owned(),
            };
            Unusable(format!("the flows are not deployed to the cluster: {why}"))
        })
    }

    /// Notes that flows run here that were published.
    fn run_by_all(&self, published: Option<u64>) {
        if let Some((shared, revision)) = self.shared().zip(published) {
            shared.applied(revision);
        }
    }

    /// Deploys flows, which ends the safe mode.
    pub(crate) async fn replace(
        &self,
        file: FlowFile,
        how: DeployType,
    ) -> Result<Deployed, NotDeployed> {
        if self.is_safe() {
            self.state.set(self.kept_state()?);
            if self.state.get() == FlowsState::Started {
                return Ok(self.engine().start(file).await?);
            }
        }
        Ok(self.engine().deploy(file, how).await?)
    }

    fn read(
        &self,
        flows: MissingFile,
        credentials: MissingFile,
    ) -> Result<(FlowFile, Secrets), Unusable> {
        let file = self.storage().read_flows(flows)?;
        let secrets = self.storage().read_secrets(credentials)?;
        Ok((file.with_credentials(secrets.by_node()), secrets))
    }

    /// Starts or stops the flows. The state is kept over restarts.
    pub(crate) async fn set_state(self: &Arc<Self>, state: FlowsState) -> Result<(), NotDeployed> {
        let this = Arc::clone(self);
        let work = async move {
            let _alone = this.deploying.lock().await;
            this.storage().change_runtime_settings(|settings| {
                settings.insert(STATE, state.name());
            })?;
            this.state.set(state);
            match state {
                FlowsState::Started => drop(this.engine().start(this.engine().flows()).await?),
                FlowsState::Stopped | FlowsState::Safe => {
                    this.engine().stop(StopReason::Removed).await?;
                }
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
        let Wanted { mut nodes, secrets, replaces } = decide(&admin)?;
        let before = admin.secrets().clone();
        let mut secrets = secrets.unwrap_or_else(|| before.clone());
        secrets.take_from(&mut nodes, &Declarations::of(&admin));
        let file = FlowFile::from_nodes(nodes)
            .map_err(|error| Reply::unexpected(&error.to_string()))?
            .with_credentials(secrets.by_node());
        let published = match admin.shared() {
            Some(shared) => Some(shared.publish(&admin, (&file, &secrets), replaces).await?),
            None => None,
        };
        save(&admin, file.clone(), (secrets != before).then(|| secrets.clone())).await?;
        *admin.secrets() = secrets;
        let deployed = admin.replace(file, how).await;
        admin.run_by_all(published);
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
