//! `Effect`: what a run of the code requested. It is carried out after the interpreter is free again,
//! since a message may come back to this node.

use ferrowire::{Handled, Message, NodeContext, NodeError, Sending, Status};

#[derive(Debug)]
pub(crate) enum Effect {
    Send(usize, Message),
    /// Messages that the code may still change: the prelude has them under this number.
    Held(u64),
    /// To the `link in` node of this id.
    Call(String, Message),
    /// To the `http in` node of this address, about a pending request.
    Answer(String, Message),
    Status(Status),
    /// An error, with the message for catch nodes.
    Fail(NodeError, Option<Message>),
    /// A message that had to wait is complete.
    Complete(Message),
}

/// The maximum number of messages of one run; code that sends more is out of control.
pub(crate) const MOST: usize = 16_384;

/// What is known about the message that caused a run.
#[derive(Debug, Default)]
pub(crate) enum Fate {
    /// It is complete.
    #[default]
    Done,
    /// A later effect completes it, or fails it.
    Open,
    /// It failed; its current state, if that can be read.
    Failed(NodeError, Option<Message>),
}

/// The result of one run.
#[derive(Debug, Default)]
pub(crate) struct Outcome {
    pub(crate) effects: Vec<Effect>,
    pub(crate) fate: Fate,
    /// Timers were set, or promises settled.
    pub(crate) waits_changed: bool,
}

impl Outcome {
    pub(crate) fn failed(error: impl Into<NodeError>) -> Self {
        Outcome { fate: Fate::Failed(error.into(), None), ..Outcome::default() }
    }

    /// Carries out all effects in order, for a message.
    pub(crate) fn into_handled(mut self, cx: &NodeContext) -> Handled {
        if matches!(self.fate, Fate::Done) && self.effects.len() == 1 {
            match self.effects.pop() {
                Some(Effect::Send(port, msg)) => return Handled::Send(port, msg),
                Some(other) => self.effects.push(other),
                None => {}
            }
        }
        let mut effects = self.effects.into_iter();
        while let Some(effect) = effects.next() {
            let doing = perform(effect, cx);
            if !doing.is_done() {
                let rest = Outcome { effects: effects.collect(), fate: Fate::Done, ..self };
                return wait(doing, rest, self.fate, cx.clone());
            }
        }
        match self.fate {
            Fate::Done => Handled::Done,
            Fate::Open => Handled::Kept(Sending::done()),
            Fate::Failed(error, Some(msg)) => Handled::Kept(cx.fail_with(error, msg)),
            Fate::Failed(error, None) => Handled::Failed(error),
        }
    }

    /// Carries out all effects in order, and waits for the receivers. `msg` is the message that caused
    /// the run, if the node has to report its completion.
    pub(crate) async fn perform(self, cx: &NodeContext, msg: Option<Message>) {
        for effect in self.effects {
            perform(effect, cx).await;
        }
        match (self.fate, msg) {
            (Fate::Done, Some(msg)) => cx.complete(msg).await,
            (Fate::Done, None) | (Fate::Open, _) => {}
            (Fate::Failed(error, Some(changed)), _) => cx.fail_with(error, changed).await,
            (Fate::Failed(error, None), Some(msg)) => cx.fail_with(error, msg).await,
            (Fate::Failed(error, None), None) => cx.fail(error),
        }
    }
}

/// The result for a message if a receiver is not ready.
fn wait(doing: Sending, rest: Outcome, fate: Fate, cx: NodeContext) -> Handled {
    let finish = async move {
        doing.await;
        rest.perform(&cx, None).await;
        cx
    };
    match fate {
        Fate::Done => Handled::Later(Box::pin(async move {
            finish.await;
            Ok(())
        })),
        Fate::Failed(error, None) => Handled::Later(Box::pin(async move {
            finish.await;
            Err(error)
        })),
        Fate::Open => Handled::Kept(Sending::later(Box::pin(async move { drop(finish.await) }))),
        Fate::Failed(error, Some(msg)) => Handled::Kept(Sending::later(Box::pin(async move {
            finish.await.fail_with(error, msg).await;
        }))),
    }
}

fn perform(effect: Effect, cx: &NodeContext) -> Sending {
    match effect {
        Effect::Send(port, msg) => return cx.send(port, msg),
        Effect::Complete(msg) => return cx.complete(msg),
        Effect::Fail(error, Some(msg)) => return cx.fail_with(error, msg),
        Effect::Call(target, msg) => match cx.deliver(&target, msg) {
            Ok(sending) => return sending,
            Err(error) => cx.fail(error),
        },
        Effect::Answer(address, msg) => match cx.deliver(&address, msg) {
            Ok(sending) => return sending,
            // The node was stopped, and with it the request.
            Err(error) => cx.debug(error),
        },
        Effect::Fail(error, None) => cx.fail(error),
        Effect::Status(status) => cx.status(status),
        // Replaced by its messages when the run ended.
        Effect::Held(_) => {}
    }
    Sending::done()
}
