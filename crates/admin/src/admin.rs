//! `Admin`: the state of the admin API.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock};

use ferrowire_core::MutexExt as _;

use ferrowire_engine::Engine;
use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::editor::pack::Pack;
use crate::editor::palette::Palette;
use crate::flows_state::{CurrentState, FlowsState};
use crate::shared_flows::SharedFlows;
use crate::user_dir::Secrets;
use crate::user_dir::Storage;
use crate::{Auth, NodePackages};

/// How many messages of inject buttons may wait until the flows take them. Further ones get 503.
const MAX_INJECTING: usize = 256;

/// How credentials are encrypted on disk.
#[derive(Clone, PartialEq, Eq)]
pub enum CredentialSecret {
    /// With a secret that is generated at the first use and kept in the user directory.
    Generated,
    /// With this secret: Node-RED's `credentialSecret`.
    Given(String),
    /// Not at all.
    Off,
}

impl fmt::Debug for CredentialSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            CredentialSecret::Generated => "Generated",
            CredentialSecret::Given(_) => "Given",
            CredentialSecret::Off => "Off",
        })
    }
}

/// Settings of the admin API.
#[derive(Clone, Debug)]
pub struct AdminSettings {
    /// The prefix of its paths, without a slash at the end: Node-RED's `httpAdminRoot`.
    pub admin_root: String,
    /// The prefix of the paths of flows: Node-RED's `httpNodeRoot`.
    pub node_root: String,
    /// The user directory.
    pub user_dir: PathBuf,
    /// The flow files. Flows can be deployed when there is exactly one.
    pub flow_files: Vec<PathBuf>,
    /// Whether flow files are written with line breaks: Node-RED's `flowFilePretty`.
    pub flow_file_pretty: bool,
    /// How credentials are encrypted.
    pub credential_secret: CredentialSecret,
    /// The largest body of a request in bytes: Node-RED's `apiMaxLength`. A larger one gets 413.
    pub max_body: usize,
    /// Whether flows can be started and stopped: Node-RED's `runtimeState`.
    pub runtime_state: bool,
    /// Whether the flows are loaded without being started: Node-RED's `safeMode`.
    pub safe_mode: bool,
    /// Whether the editor is served.
    pub editor: bool,
}

/// Why flows do not run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyStopped {
    /// They were stopped through the API.
    Stopped,
    /// They were loaded in safe mode, which the next deploy ends.
    Safe,
    /// They could not be deployed: a node type is missing.
    NotDeployed,
}

/// The user directory cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct Unusable(pub(crate) String);

/// The state of the admin API, which all requests share.
pub struct Admin {
    engine: Engine,
    settings: AdminSettings,
    auth: Arc<Auth>,
    storage: Storage,
    /// Created at an editor's first request: a runtime without an editor needs neither.
    pack: OnceLock<Pack>,
    palette: OnceLock<Palette>,
    secrets: Mutex<Secrets>,
    packages: Option<Arc<dyn NodePackages>>,
    /// Where the flows of all instances of a cluster are.
    pub(crate) shared_flows: OnceLock<SharedFlows>,
    /// Held while flows or credentials are changed.
    pub(crate) deploying: tokio::sync::Mutex<()>,
    /// Whether the flows are to run.
    pub(crate) state: Arc<CurrentState>,
    /// Tasks that are completed even if the client disconnects.
    pub(crate) tasks: TaskTracker,
    /// Messages of inject buttons that wait to be taken.
    pub(crate) injecting: Arc<Semaphore>,
}

impl Admin {
    /// The admin API of `engine`, whose requests `auth` authorizes, with the nodes of `packages`. Reads
    /// and writes no file.
    pub fn new(
        engine: Engine,
        settings: AdminSettings,
        auth: Arc<Auth>,
        packages: Option<Arc<dyn NodePackages>>,
    ) -> Arc<Self> {
        let storage = Storage::new(&settings);
        Arc::new(Admin {
            engine,
            settings,
            auth,
            storage,
            pack: OnceLock::new(),
            palette: OnceLock::new(),
            secrets: Mutex::default(),
            packages,
            shared_flows: OnceLock::new(),
            deploying: tokio::sync::Mutex::default(),
            state: Arc::new(CurrentState::new()),
            tasks: TaskTracker::new(),
            injecting: Arc::new(Semaphore::new(MAX_INJECTING)),
        })
    }

    /// The engine.
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// The settings.
    pub fn settings(&self) -> &AdminSettings {
        &self.settings
    }

    /// The users and tokens.
    pub fn auth(&self) -> &Arc<Auth> {
        &self.auth
    }

    /// Whether the flows are loaded in safe mode, in which they do not run.
    pub fn is_safe(&self) -> bool {
        self.state.get() == FlowsState::Safe
    }

    /// Why the flows do not run; `None` if they do.
    pub fn why_stopped(&self) -> Option<WhyStopped> {
        if self.engine.is_running() {
            return None;
        }
        Some(match self.state.get() {
            FlowsState::Started => WhyStopped::NotDeployed,
            FlowsState::Stopped => WhyStopped::Stopped,
            FlowsState::Safe => WhyStopped::Safe,
        })
    }

    /// Whether the editor is in this program and is switched on.
    pub fn serves_editor(&self) -> bool {
        self.settings.editor && !self.lacks_editor()
    }

    /// Whether this program was built without the editor.
    pub fn lacks_editor(&self) -> bool {
        !Pack::is_embedded()
    }

    pub(crate) fn storage(&self) -> &Storage {
        &self.storage
    }

    pub(crate) fn pack(&self) -> &Pack {
        self.pack.get_or_init(Pack::embedded)
    }

    /// The first call decompresses files, which takes some ten milliseconds.
    pub(crate) fn palette(&self) -> &Palette {
        self.palette.get_or_init(|| Palette::new(&self.engine.registry(), self.pack()))
    }

    /// The packages whose nodes another process runs.
    pub(crate) fn packages(&self) -> Option<&Arc<dyn NodePackages>> {
        self.packages.as_ref()
    }

    /// The credentials of all nodes.
    pub(crate) fn secrets(&self) -> std::sync::MutexGuard<'_, Secrets> {
        self.secrets.locked()
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Admin").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use ferrowire_core::{Registry, StopReason};

    use super::*;
    use crate::Guard;

    #[tokio::test]
    async fn a_start_and_a_stop_unpack_nothing_of_the_editor() {
        let folder = tempfile::tempdir().unwrap();
        let flow_file = folder.path().join("flows.json");
        std::fs::write(&flow_file, r#"[{"id":"tab","type":"tab"}]"#).unwrap();
        let settings = AdminSettings {
            admin_root: String::new(),
            node_root: String::new(),
            user_dir: folder.path().to_owned(),
            flow_files: vec![flow_file],
            flow_file_pretty: false,
            credential_secret: CredentialSecret::Generated,
            max_body: 1024,
            runtime_state: false,
            safe_mode: false,
            editor: true,
        };
        let engine = Engine::builder(Registry::new()).build();
        let guard = Guard::new("127.0.0.1:1880".parse().unwrap(), Vec::new());
        let admin = Admin::new(engine, settings, Arc::new(Auth::new(None, guard, None)), None);
        let _comms = crate::Comms::start(&admin);
        admin.start().await.unwrap();
        assert_eq!(admin.serves_editor(), !admin.lacks_editor());
        admin.engine().stop(StopReason::ShuttingDown).await.unwrap();
        assert!(admin.pack.get().is_none() && admin.palette.get().is_none());
    }
}
