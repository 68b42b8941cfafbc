//! What arrives from other instances: checked like what a peer sends, then given to whom it is for.

use std::sync::Arc;

use bytes::Bytes;
use ferrowire_core::MutexExt as _;
use ferrowire_core::cluster::Reply;
use tracing::{debug, error, info, warn};

use crate::envelope::{Envelope, Head, Kind, Refused};
use crate::member::Shared;
use crate::metrics;

/// Reads a message; `None` if it is no message of another instance.
pub(crate) fn opened(shared: &Shared, message: Bytes) -> Option<Envelope> {
    metrics::RECEIVED.increment();
    let length = message.len();
    let envelope = match Envelope::parse(message) {
        Ok(envelope) => envelope,
        Err(refused) => {
            match refused {
                Refused::Version(_) => metrics::DROPPED_VERSION.increment(),
                Refused::Shape => metrics::DROPPED_SHAPE.increment(),
            }
            warn!("a message of {length} bytes from the cluster was dropped: {refused}");
            return None;
        }
    };
    if envelope.head.from != shared.options.instance {
        return Some(envelope);
    }
    if envelope.head.life != shared.life && envelope.head.kind == Kind::Hello {
        error!(
            "another instance of the cluster `{}` has the name `{}` as well; set another \
             `instance-name`",
            shared.options.cluster, shared.options.instance
        );
    }
    None
}

/// Gives a message to whom it is for.
pub(crate) fn handle(shared: &Arc<Shared>, subject: &str, envelope: Envelope) {
    let Envelope { head, body, .. } = envelope;
    match head.kind {
        Kind::Message => {
            for receiver in shared.interests.receivers(subject) {
                receiver.receive(&head.from, body.clone());
            }
        }
        Kind::Ask => respond(shared, head, body),
        Kind::Answer => shared.questions.answered(head.question, head.from, Reply::Answer(body)),
        Kind::Nobody => shared.questions.answered(head.question, head.from, Reply::Nobody),
        Kind::Hello => {
            if shared.presence.hello(&head.from, head.life) {
                info!("the instance `{}` is in the cluster", head.from);
                // It may not know this one yet.
                let to = shared.subjects.instance(&head.from);
                shared.push(to, &shared.head(Kind::Hello), &[]);
            }
        }
        Kind::Bye => {
            if shared.presence.bye(&head.from, head.life) {
                info!("the instance `{}` has left the cluster", head.from);
            }
        }
    }
}

/// Answers a question in a task of its own.
fn respond(shared: &Arc<Shared>, asked: Head, request: Bytes) {
    let responder = shared.responders.locked().get(&asked.about).cloned();
    let answer_with = |kind| Head { question: asked.question, ..shared.head(kind) };
    let to = shared.subjects.instance(&asked.from);
    let Some(responder) = responder else {
        return shared.push(to, &answer_with(Kind::Nobody), &[]);
    };
    let Ok(permit) = Arc::clone(&shared.answering).try_acquire_owned() else {
        metrics::DROPPED_SLOW.increment();
        debug!("a question of `{}` was dropped: too many others are being answered", asked.from);
        return;
    };
    let (head, limit) = (answer_with(Kind::Answer), shared.options.timeout);
    let shared_by_task = Arc::clone(shared);
    shared.spawn(async move {
        let answer = responder.respond(&asked.from, request);
        if let Ok(answer) = tokio::time::timeout(limit, answer).await {
            shared_by_task.push(to, &head, &[&answer]);
        }
        drop(permit);
    });
}
