//! `SharedFlows`: the flows that all instances of a cluster run, with their credentials, as one entry of a bucket.
//!
//! A deploy at one instance writes the entry, if it still has the revision that this instance runs, and then
//! runs the flows. All instances follow the entry, and save what they run, so that they can start without the
//! cluster.

use std::io::{Read as _, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use ferrowire_core::cluster::{Bucket, BucketError, Change, Entry, Topic, Write};
use ferrowire_core::metric::Gauge;
use ferrowire_core::{Map, MutexExt as _, Value};
use ferrowire_engine::{DeployType, FlowFile};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use futures_util::stream::StreamExt as _;
use hyper::StatusCode;
use tokio_util::sync::CancellationToken;

use crate::user_dir::Secrets;
use crate::{Admin, Comms, Reply, Unusable};

/// Whether there are newer flows in the cluster than this instance runs: 1 or 0.
pub static BEHIND: Gauge = Gauge::new(
    "cluster_flows_behind",
    "whether the cluster has newer flows that this instance cannot run",
);
/// The revision that this instance runs.
pub static REVISION: Gauge = Gauge::new(
    "cluster_flows_revision",
    "the revision of the cluster's flows that this instance runs",
);

/// The key of the entry.
const KEY: Topic<'static> = &["flows"];

/// The version of what is in it.
const VERSION: f64 = 1.0;

/// The largest flows and credentials as text.
const LARGEST: u64 = 256 * 1024 * 1024;

/// The pause after a failure.
const PAUSE: Duration = Duration::from_secs(1);

/// Where the flows are that all instances run.
#[derive(Debug)]
pub struct SharedFlows {
    bucket: Arc<dyn Bucket>,
    instance: String,
    limit: Duration,
    required: bool,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The revision that runs here; 0 if the cluster has none.
    applied: u64,
    /// A newer one that cannot run here.
    refused: Option<u64>,
}

/// What a deploy may replace in the cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Replaces {
    /// The flows that run here; not those that another instance has deployed meanwhile.
    Own,
    /// Whatever is there.
    Anything,
    /// Nothing: there must not be any.
    Nothing,
}

/// What the entry has.
struct Stored {
    file: FlowFile,
    secrets: Secrets,
    /// The instance that deployed it.
    by: String,
}

impl SharedFlows {
    /// The flows in `bucket`, for the instance of this name. The start waits for them for `limit`, and fails without
    /// them if they are `required`.
    pub fn new(
        bucket: Arc<dyn Bucket>,
        instance: &str,
        (limit, required): (Duration, bool),
    ) -> Self {
        let instance = instance.to_owned();
        SharedFlows { bucket, instance, limit, required, state: Mutex::default() }
    }

    /// Publishes flows that this instance is about to run. Returns the revision.
    pub(crate) async fn publish(
        &self,
        admin: &Admin,
        (file, secrets): (&FlowFile, &Secrets),
        replaces: Replaces,
    ) -> Result<u64, Reply> {
        if let Some(why) = obstacle(admin, file) {
            let text = format!("the flows are not deployed to the cluster, since {why}");
            return Err(Reply::unexpected(&text));
        }
        let value = self.encoded(admin, file, secrets);
        let value = value.map_err(|error| Reply::unexpected(&error.to_string()))?;
        self.bucket.check(KEY, value.len()).map_err(|why| Reply::unexpected(&why))?;
        let write = Write::of(Some(value));
        let write = match replaces {
            Replaces::Own => write.instead_of(self.state.locked().applied),
            Replaces::Anything => write,
            Replaces::Nothing => write.instead_of(0),
        };
        self.bucket.write(KEY, write).await.map_err(|error| match error {
            BucketError::Conflict => {
                Reply::error(StatusCode::CONFLICT, "version_mismatch", "Error")
            }
            error => Reply::error(
                StatusCode::SERVICE_UNAVAILABLE,
                "cluster_unavailable",
                &format!("the flows are not deployed, since all instances share them: {error}"),
            ),
        })
    }

    /// Notes the revision that runs here from now on.
    pub(crate) fn applied(&self, revision: u64) {
        *self.state.locked() = State { applied: revision, refused: None };
        BEHIND.set(0);
        REVISION.set(revision.try_into().unwrap_or(i64::MAX));
    }

    fn refused(&self, revision: u64) {
        self.state.locked().refused = Some(revision);
        BEHIND.set(1);
    }

    fn encoded(
        &self,
        admin: &Admin,
        file: &FlowFile,
        secrets: &Secrets,
    ) -> Result<Bytes, Unusable> {
        let flows: Vec<Value> = file.nodes().iter().cloned().map(Value::Object).collect();
        let mut stored = Map::new();
        stored.insert("version", VERSION);
        stored.insert("by", self.instance.as_str());
        stored.insert("flows", flows);
        if !secrets.is_empty() {
            stored.insert("credentials", admin.storage().stored_form(secrets)?);
        }
        let text = Value::from(stored).to_json();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        let compressed = gzip.write_all(text.as_bytes()).and_then(|()| gzip.finish());
        compressed.map(Bytes::from).map_err(|error| Unusable(error.to_string()))
    }

    /// Whether an entry is to be run: not the one that runs already, or that cannot run. What is told when a watch
    /// begins may have a lower revision, if the bucket is another one.
    fn is_new(&self, revision: u64, is_past: bool) -> bool {
        let state = self.state.locked();
        let known = state.refused.unwrap_or(state.applied);
        if is_past { revision != known } else { revision > known }
    }
}

fn decoded(admin: &Admin, value: &[u8]) -> Result<Stored, String> {
    let mut text = Vec::new();
    let read = GzDecoder::new(value).take(LARGEST).read_to_end(&mut text);
    read.map_err(|error| format!("they cannot be read: {error}"))?;
    let stored = Value::from_json(&text).map_err(|error| format!("they are not JSON: {error}"))?;
    if stored.get("version").and_then(Value::as_f64) != Some(VERSION) {
        return Err("another version of Ferrowire has written them".to_owned());
    }
    let nodes = stored.get("flows").and_then(Value::as_array).map(<[Value]>::to_vec);
    let file =
        FlowFile::from_nodes(nodes.unwrap_or_default()).map_err(|error| error.to_string())?;
    let mut secrets = Secrets::default();
    if let Some(credentials) = stored.get("credentials").and_then(Value::as_object) {
        let opened = admin.storage().open(credentials).map_err(|error| error.to_string())?;
        secrets.add(&opened.ok_or(
            "their credentials are encrypted with another `credential-secret` than that of this instance",
        )?);
    }
    let by = stored.get("by").and_then(Value::as_str).unwrap_or_default().to_owned();
    Ok(Stored { file: file.with_credentials(secrets.by_node()), secrets, by })
}

/// Why this instance cannot run `file`.
fn obstacle(admin: &Admin, file: &FlowFile) -> Option<String> {
    let obstacles = admin.engine().obstacles(file);
    let texts: Vec<String> = obstacles.iter().map(ToString::to_string).collect();
    (!texts.is_empty()).then(|| format!("this instance cannot run them: {}", texts.join("; ")))
}

impl Admin {
    /// Has all instances of a cluster run the same flows. Call it before the start; a second call has no effect.
    pub fn share_flows(&self, flows: SharedFlows) {
        // The first one stays.
        let _again = self.shared_flows.set(flows);
    }

    pub(crate) fn shared(&self) -> Option<&SharedFlows> {
        self.shared_flows.get()
    }

    /// Whether the cluster has newer flows that this instance cannot run.
    pub fn is_behind(&self) -> bool {
        self.shared().is_some_and(|shared| shared.state.locked().refused.is_some())
    }

    /// Saves the flows that the cluster has, so that the start reads them.
    pub(crate) async fn bring_flows(self: &Arc<Self>) -> Result<(), Unusable> {
        let Some(shared) = self.shared() else { return Ok(()) };
        let first = tokio::time::timeout(shared.limit, newest(&*shared.bucket)).await;
        let failed = match first {
            Ok(Ok(None)) => return Ok(()),
            Ok(Ok(Some(entry))) => {
                return match self.open_entry(&entry) {
                    Ok(stored) => {
                        self.save_stored(&stored).await?;
                        shared.applied(entry.revision);
                        Ok(())
                    }
                    Err(why) => {
                        shared.refused(entry.revision);
                        tracing::error!("{}", not_deployed(&entry, &why));
                        Ok(())
                    }
                };
            }
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("NATS has not answered after {} s", shared.limit.as_secs_f64()),
        };
        match shared.required {
            true => Err(Unusable(format!("cannot read the flows of the cluster: {failed}"))),
            false => {
                tracing::warn!(
                    "starting with the flows of the last time: cannot read those of the cluster: {failed}"
                );
                Ok(())
            }
        }
    }

    /// Runs what other instances deploy, until `stop` is cancelled. A deploy that has begun is completed.
    pub async fn follow_flows(self: Arc<Self>, comms: Comms, stop: CancellationToken) {
        if self.shared().is_none() {
            return;
        }
        let mut last = String::new();
        while !stop.is_cancelled() {
            if let Err(error) = self.follow_bucket(&comms, &stop, &mut last).await {
                let text = error.to_string();
                if text != last {
                    tracing::error!("cannot follow the flows of the cluster: {text}; trying again");
                    last = text;
                }
            }
            let _stopped = stop.run_until_cancelled(tokio::time::sleep(PAUSE)).await;
        }
    }

    async fn follow_bucket(
        self: &Arc<Self>,
        comms: &Comms,
        stop: &CancellationToken,
        last: &mut String,
    ) -> Result<(), BucketError> {
        let Some(shared) = self.shared() else { return Ok(()) };
        let watch = stop.run_until_cancelled(shared.bucket.watch()).await;
        let Some(mut changes) = watch.transpose()? else { return Ok(()) };
        let (mut is_past, mut is_empty) = (true, true);
        while let Some(Some(change)) = stop.run_until_cancelled(changes.next()).await {
            match change {
                Change::Entry(entry) if entry.key == KEY && entry.value.is_some() => {
                    is_empty = false;
                    self.follow_entry(comms, &entry, is_past).await;
                }
                Change::Entry(_) => {}
                Change::Current => {
                    is_past = false;
                    last.clear();
                    if is_empty {
                        self.publish_own().await;
                    }
                }
            }
        }
        Ok(())
    }

    /// Publishes what runs here, since the cluster has no flows yet.
    async fn publish_own(&self) {
        let Some(shared) = self.shared() else { return };
        let _alone = self.deploying.lock().await;
        let file = self.engine().flows();
        if file.nodes().is_empty() {
            return;
        }
        let secrets = self.secrets().clone();
        match shared.publish(self, (&file, &secrets), Replaces::Nothing).await {
            // Another instance was faster; its flows are told next.
            Err(refusal) if refusal.status == StatusCode::CONFLICT => {}
            Ok(revision) => {
                shared.applied(revision);
                tracing::info!(
                    "the cluster had no flows; it has those of this instance from now on"
                );
            }
            Err(refusal) => {
                let why = String::from_utf8_lossy(&refusal.body).into_owned();
                tracing::warn!("the flows of this instance are not in the cluster: {why}");
            }
        }
    }

    /// Runs what another instance has deployed, if it is newer than what runs here.
    async fn follow_entry(self: &Arc<Self>, comms: &Comms, entry: &Entry, is_past: bool) {
        let Some(shared) = self.shared() else { return };
        let _alone = self.deploying.lock().await;
        if !shared.is_new(entry.revision, is_past) {
            return;
        }
        let run = match self.open_entry(entry) {
            Ok(stored) => self.run_stored(stored).await,
            Err(why) => Err(why),
        };
        match run {
            Ok(by) => {
                shared.applied(entry.revision);
                let revision = entry.revision;
                tracing::info!(
                    "deployed the flows of revision {revision} of the cluster, from the instance `{by}`"
                );
            }
            Err(why) => {
                shared.refused(entry.revision);
                let text = not_deployed(entry, &why);
                tracing::error!("{text}");
                comms.event_log("err", &text);
            }
        }
    }

    fn open_entry(&self, entry: &Entry) -> Result<Stored, String> {
        let stored = decoded(self, entry.value.as_deref().unwrap_or_default())?;
        obstacle(self, &stored.file).map_or(Ok(stored), Err)
    }

    async fn run_stored(self: &Arc<Self>, stored: Stored) -> Result<String, String> {
        if let Err(error) = self.save_stored(&stored).await {
            tracing::warn!("the flows of the cluster run, but are not saved: {error}");
        }
        *self.secrets() = stored.secrets;
        let deployed = self.replace(stored.file, DeployType::Nodes).await;
        deployed.map(|_| stored.by).map_err(|error| error.to_string())
    }

    async fn save_stored(self: &Arc<Self>, stored: &Stored) -> Result<(), Unusable> {
        let (admin, file, secrets) =
            (Arc::clone(self), stored.file.clone(), stored.secrets.clone());
        let save = move || admin.storage().save(&file, Some(&secrets));
        let saved = tokio::task::spawn_blocking(save).await;
        saved.unwrap_or_else(|error| Err(Unusable(error.to_string())))
    }
}

fn not_deployed(entry: &Entry, why: &str) -> String {
    format!(
        "the flows of revision {} of the cluster are not deployed here, the ones before go on: {why}",
        entry.revision
    )
}

/// The newest entry.
async fn newest(bucket: &dyn Bucket) -> Result<Option<Entry>, BucketError> {
    let mut changes = bucket.watch().await?;
    let mut newest = None;
    while let Some(change) = changes.next().await {
        match change {
            Change::Entry(entry) if entry.key == KEY && entry.value.is_some() => {
                newest = Some(entry)
            }
            Change::Entry(_) => {}
            Change::Current => return Ok(newest),
        }
    }
    Err(BucketError::Away)
}
