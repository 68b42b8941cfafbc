//! Reports what became of messages that a node had kept: sent, complete, failed or dropped.

use ferrowire_core::{Message, NodeContext, NodeError, Sending};

use crate::Sequence;

/// Sends `messages`, each through its port and in order, then reports `kept` as complete:
/// messages that the node had [kept](ferrowire_core::Handled::Kept).
///
/// Nothing happens before the result is awaited. Dropping it drops what has not been sent.
pub fn send_and_complete(
    cx: &NodeContext,
    messages: Vec<(usize, Message)>,
    kept: Vec<Message>,
) -> Sending {
    if messages.is_empty() && (kept.is_empty() || !cx.completion_watched()) {
        return Sending::done();
    }
    let cx = cx.clone();
    Sending::later(Box::pin(async move {
        for (port, msg) in messages {
            cx.send(port, msg).await;
        }
        for msg in kept {
            cx.complete(msg).await;
        }
    }))
}

/// Reports that the work on a whole sequence failed: the last of its `messages` fails with
/// `error`, so that a flow sees one error for each sequence; the others are complete.
///
/// Nothing happens before the result is awaited.
pub fn fail_last(cx: &NodeContext, error: NodeError, mut messages: Vec<Message>) -> Sending {
    let (last, cx) = (messages.pop().unwrap_or_default(), cx.clone());
    Sending::later(Box::pin(async move {
        send_and_complete(&cx, Vec::new(), messages).await;
        cx.fail_with(error, last).await;
    }))
}

/// Reports every message of the `dropped` sequences as failed, the oldest first, then goes on
/// with `then`.
///
/// The result ends when the catch nodes have accepted the messages. Dropping it loses those that
/// have not been reported.
pub fn drop_then<T>(cx: &NodeContext, dropped: Vec<T>, then: Sending) -> Sending
where
    T: Sequence + Send + 'static,
{
    if dropped.is_empty() {
        return then;
    }
    let cx = cx.clone();
    Sending::later(Box::pin(async move {
        for sequence in dropped {
            let messages = sequence.into_messages();
            let count = messages.len();
            for msg in messages {
                cx.fail_with(made_room(count), msg).await;
            }
        }
        then.await;
    }))
}

fn made_room(count: usize) -> NodeError {
    NodeError::new(format!(
        "too many messages wait for the rest of their sequences, the oldest sequence was dropped \
         with {count} of them"
    ))
}
