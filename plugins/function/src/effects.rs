//! `Effect`: what a run of the code wants done. It is done after the interpreter is free again,
//! since a message may come back to this node.

use ferrowire_core::{Handled, Message, NodeContext, NodeError, Status};

#[derive(Debug)]
pub(crate) enum Effect {
    Send(usize, Message),
    Status(Status),
    Fail(NodeError),
}

/// A run that sends more messages than this is out of control.
pub(crate) const MOST: usize = 16_384;

/// What one run came to.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) effects: Vec<Effect>,
    pub(crate) error: Option<NodeError>,
    /// Timers were set, or promises settled.
    pub(crate) waits_changed: bool,
}

impl Outcome {
    pub(crate) fn failed(error: impl Into<NodeError>) -> Self {
        Outcome { error: Some(error.into()), ..Outcome::default() }
    }

    /// Does everything, in order, as the answer to a message.
    pub(crate) fn into_handled(mut self, cx: &NodeContext) -> Handled {
        if self.error.is_none() && self.effects.len() == 1 {
            match self.effects.pop() {
                Some(Effect::Send(port, msg)) => return Handled::Send(port, msg),
                Some(other) => self.effects.push(other),
                None => {}
            }
        }
        let mut effects = self.effects.into_iter();
        while let Some(effect) = effects.next() {
            let sending = match effect {
                Effect::Send(port, msg) => cx.send(port, msg),
                other => {
                    do_now(other, cx);
                    continue;
                }
            };
            if !sending.is_done() {
                let (rest, error, cx) = (effects.collect(), self.error, cx.clone());
                return Handled::Later(Box::pin(async move {
                    sending.await;
                    Outcome { effects: rest, error, waits_changed: false }.perform(&cx).await
                }));
            }
        }
        self.error.map_or(Handled::Done, Handled::Failed)
    }

    /// Does everything, in order, and waits for the receivers.
    pub(crate) async fn perform(self, cx: &NodeContext) -> Result<(), NodeError> {
        for effect in self.effects {
            match effect {
                Effect::Send(port, msg) => cx.send(port, msg).await,
                other => do_now(other, cx),
            }
        }
        self.error.map_or(Ok(()), Err)
    }
}

fn do_now(effect: Effect, cx: &NodeContext) {
    match effect {
        // Sent by the callers, who can wait.
        Effect::Send(..) => {}
        Effect::Status(status) => cx.status(status),
        Effect::Fail(error) => cx.fail(error),
    }
}
