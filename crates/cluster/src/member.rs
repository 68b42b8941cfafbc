//! `Member`: this instance in its cluster, whatever connects it.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use ferrowire_core::MutexExt as _;
use ferrowire_core::cluster::{
    Bucket, Cluster, Interest, Journal, Lease, Receiver, Replies, Reply, Responder, Shape, Topic,
};
use futures_util::future::BoxFuture;
use tokio::sync::{Semaphore, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::warn;

use crate::archive::Archive;
use crate::bucket::MemberBucket;
use crate::depot::Depot;
use crate::envelope::{Head, Kind};
use crate::interests::Interests;
use crate::journal::MemberJournal;
use crate::leases::Leases;
use crate::names::Subjects;
use crate::options::Options;
use crate::outgoing::Outgoing;
use crate::presence::Presence;
use crate::questions::Questions;
use crate::{alive, incoming, metrics};

/// How many questions of others are answered at once. Further ones are dropped, and their askers hear
/// nothing.
const AT_ONCE: usize = 64;

/// How long the end waits until what is queued has gone out.
const AT_END: Duration = Duration::from_secs(1);

/// This instance in its cluster.
#[derive(Debug)]
pub struct Member {
    pub(crate) shared: Arc<Shared>,
    /// From the first lease on.
    leases: OnceLock<Arc<Leases>>,
}

/// What the tasks of a member share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    /// The number of this start.
    pub(crate) life: u64,
    pub(crate) subjects: Subjects,
    pub(crate) interests: Arc<Interests>,
    pub(crate) outgoing: Outgoing,
    pub(crate) presence: Presence,
    pub(crate) questions: Arc<Questions>,
    pub(crate) responders: Mutex<HashMap<String, Arc<dyn Responder>>>,
    pub(crate) answering: Arc<Semaphore>,
    /// Known from the first connection on.
    pub(crate) depot: OnceLock<Arc<dyn Depot>>,
    pub(crate) archive: OnceLock<Arc<dyn Archive>>,
    pub(crate) connected: watch::Sender<bool>,
    pub(crate) connects: AtomicU64,
    /// Changes when the connection had to drop what it received.
    pub(crate) slow: watch::Sender<()>,
    /// The tasks that write journals, which end when all is written.
    pub(crate) writers: TaskTracker,
    /// Cancelled when what is queued is to go out, and then when it has.
    pub(crate) leaving: CancellationToken,
    pub(crate) left: CancellationToken,
    pub(crate) ended: CancellationToken,
    pub(crate) tasks: TaskTracker,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shared").field("options", &self.options).finish_non_exhaustive()
    }
}

impl Member {
    /// A member without a connection, with its task for life signs. Must be called in a tokio runtime.
    pub(crate) fn begin(options: Options) -> Self {
        let shared = Arc::new(Shared {
            life: fastrand::u64(1..),
            subjects: Subjects::new(&options.prefix, &options.cluster),
            interests: Arc::default(),
            outgoing: Outgoing::new(options.queue),
            presence: Presence::new(options.time_to_live),
            questions: Arc::default(),
            responders: Mutex::default(),
            answering: Arc::new(Semaphore::new(AT_ONCE)),
            depot: OnceLock::new(),
            archive: OnceLock::new(),
            slow: watch::Sender::new(()),
            writers: TaskTracker::new(),
            connected: watch::Sender::new(false),
            connects: AtomicU64::new(0),
            leaving: CancellationToken::new(),
            left: CancellationToken::new(),
            ended: CancellationToken::new(),
            tasks: TaskTracker::new(),
            options,
        });
        shared.spawn(alive::run(Arc::clone(&shared)));
        Member { shared, leases: OnceLock::new() }
    }

    /// Leaves the cluster: the others hear of it at once. Waits until leases are given back, journals are written,
    /// and what is queued has gone out, for a second each at most.
    pub async fn leave(&self) {
        if let Some(leases) = self.leases.get() {
            let _too_long = tokio::time::timeout(AT_END, leases.release()).await;
        }
        if self.is_connected() {
            self.shared.writers.close();
            let _too_long = tokio::time::timeout(AT_END, self.shared.writers.wait()).await;
            self.shared.push(self.shared.subjects.all(), &self.shared.head(Kind::Bye), &[]);
            self.shared.leaving.cancel();
            let _too_long = tokio::time::timeout(AT_END, self.shared.left.cancelled()).await;
        }
        self.shared.ended.cancel();
        self.shared.tasks.close();
        let _too_long = tokio::time::timeout(AT_END, self.shared.tasks.wait()).await;
        metrics::CONNECTED.set(0);
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        self.shared.ended.cancel();
    }
}

impl Shared {
    /// Runs a task until this member ends.
    pub(crate) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let ended = self.ended.clone();
        self.tasks.spawn(async move {
            ended.run_until_cancelled_owned(task).await;
        });
    }

    pub(crate) fn is_connected(&self) -> bool {
        *self.connected.borrow()
    }

    /// There is a connection, or another one.
    pub(crate) fn connect(&self) {
        self.connects.fetch_add(1, Ordering::Relaxed);
        self.connected.send_replace(true);
    }

    /// The head of a message of this instance.
    pub(crate) fn head(&self, kind: Kind) -> Head {
        let from = self.options.instance.clone();
        Head { kind, from, life: self.life, question: 0, about: String::new() }
    }

    /// Queues a message.
    pub(crate) fn push(&self, subject: String, head: &Head, parts: &[&[u8]]) {
        if self.outgoing.push(subject, head.with(parts)) {
            warn!(
                "messages for other instances of the cluster are dropped, the oldest first: more than \
                 `cluster-queue` ({} bytes) wait for NATS",
                self.options.queue
            );
        }
    }

    /// What a question is about, as text.
    fn about(topic: Topic<'_>) -> String {
        Subjects::new("", "").topic(topic)
    }

    fn expected(&self) -> Vec<String> {
        let names = self.presence.names();
        match names.is_empty() && !self.is_connected() {
            true => vec!["*".to_owned()],
            false => names,
        }
    }
}

impl Cluster for Member {
    fn instance(&self) -> &str {
        &self.shared.options.instance
    }

    fn others(&self) -> Vec<String> {
        self.shared.presence.names()
    }

    fn knows(&self, instance: &str) -> bool {
        self.shared.presence.knows(instance)
    }

    fn is_connected(&self) -> bool {
        self.shared.is_connected()
    }

    fn connects(&self) -> u64 {
        self.shared.connects.load(Ordering::Relaxed)
    }

    fn publish(&self, topic: Topic<'_>, parts: &[&[u8]]) {
        let subject = self.shared.subjects.topic(topic);
        self.shared.push(subject, &self.shared.head(Kind::Message), parts);
    }

    fn subscribe(&self, topic: Topic<'_>, receiver: Arc<dyn Receiver>) -> Interest {
        self.shared.interests.add(self.shared.subjects.topic(topic), receiver)
    }

    fn serve(&self, subject: Topic<'_>, responder: Arc<dyn Responder>) -> Interest {
        let about = Shared::about(subject);
        self.shared.responders.locked().insert(about.clone(), Arc::clone(&responder));
        Interest::new(Serving { shared: Arc::clone(&self.shared), about, responder })
    }

    fn ask(
        &self,
        instance: &str,
        subject: Topic<'_>,
        request: &[u8],
    ) -> BoxFuture<'static, Option<Reply>> {
        if !self.is_connected() {
            return Box::pin(std::future::ready(None));
        }
        let (shared, mut question) = (&self.shared, self.shared.questions.open(1));
        let about = Shared::about(subject);
        let head = Head { question: question.number, about, ..shared.head(Kind::Ask) };
        shared.push(shared.subjects.instance(instance), &head, &[request]);
        let limit = shared.options.timeout;
        Box::pin(async move {
            let answer = tokio::time::timeout(limit, question.answer()).await;
            answer.ok().flatten().map(|(_, reply)| reply)
        })
    }

    fn ask_all(&self, subject: Topic<'_>, request: &[u8]) -> BoxFuture<'static, Replies> {
        let shared = &self.shared;
        let missing = shared.expected();
        if missing.is_empty() || !self.is_connected() {
            let nobody = Replies { answers: Vec::new(), missing };
            return Box::pin(std::future::ready(nobody));
        }
        let question = shared.questions.open(missing.len() + AT_ONCE);
        let about = Shared::about(subject);
        let head = Head { question: question.number, about, ..shared.head(Kind::Ask) };
        shared.push(shared.subjects.all(), &head, &[request]);
        let limit = shared.options.timeout;
        Box::pin(async move {
            let (mut question, mut replies) = (question, Replies { answers: Vec::new(), missing });
            let all = collect(&mut question, &mut replies);
            let _too_late = tokio::time::timeout(limit, all).await;
            replies
        })
    }

    fn bucket(&self, name: Topic<'_>) -> Arc<dyn Bucket> {
        Arc::new(MemberBucket::new(&self.shared, name))
    }

    fn journal(&self, name: Topic<'_>, shape: Shape) -> Arc<dyn Journal> {
        Arc::new(MemberJournal::new(&self.shared, name, shape))
    }

    fn lease(&self, name: Topic<'_>) -> Box<dyn Lease> {
        let leases = self.leases.get_or_init(|| {
            let leases =
                Leases::new(&self.shared.options, self.shared.life, self.bucket(&["leases"]));
            self.shared.spawn(Arc::clone(&leases).run());
            leases
        });
        leases.ask_for(name)
    }
}

/// Collects answers until none is missing. Those of instances that came since are taken as well.
async fn collect(question: &mut crate::questions::Question, replies: &mut Replies) {
    while !replies.missing.is_empty() {
        let Some((from, reply)) = question.answer().await else { return };
        replies.missing.retain(|name| *name != from);
        let is_new = replies.answers.iter().all(|(name, _)| *name != from);
        if let (true, Reply::Answer(answer)) = (is_new, reply) {
            replies.answers.push((from, answer));
        }
    }
}

/// Answers about a subject until it is dropped. A later responder takes the place of an earlier one.
struct Serving {
    shared: Arc<Shared>,
    about: String,
    responder: Arc<dyn Responder>,
}

impl Drop for Serving {
    fn drop(&mut self) {
        let mut responders = self.shared.responders.locked();
        if responders.get(&self.about).is_some_and(|now| Arc::ptr_eq(now, &self.responder)) {
            responders.remove(&self.about);
        }
    }
}

impl Shared {
    /// Takes what the connection received under `subject`.
    pub(crate) fn receive(self: &Arc<Self>, subject: &str, message: Bytes) {
        if let Some(envelope) = incoming::opened(self, message) {
            incoming::handle(self, subject, envelope);
        }
    }
}
