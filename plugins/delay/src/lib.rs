//! The node `delay`: delays messages, or limits their rate.

mod held;
mod queue;
mod settings;
mod state;
mod topic;

use std::sync::{Arc, Mutex, MutexGuard};

use ferrowire::sequence::{Alarm, send_and_complete};
use ferrowire::{
    Editor, FromConfig, Handled, Message, MutexExt as _, Node, NodeConfig, NodeContext, NodeError,
    NodeType, Sending, Status, StopReason, async_trait,
};
use tokio::time::Instant;

use settings::Settings;
use state::{Effect, State, Taken};

/// Node-RED's `delay`.
#[derive(Debug)]
pub struct Delay {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    state: Mutex<State>,
    alarm: Alarm,
}

impl FromConfig for Delay {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let settings = Settings::from_config(config);
        let state = Mutex::new(State::new(&settings));
        Delay { inner: Arc::new(Inner { settings, state, alarm: Alarm::default() }) }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.locked()
    }

    /// Processes what is due, until the node stops.
    async fn run(&self, cx: &NodeContext) {
        loop {
            self.alarm.due(|| self.state().next()).await;
            let effects = self.state().advance(&self.settings, Instant::now());
            perform(effects, cx).await;
        }
    }
}

async fn perform(effects: Vec<Effect>, cx: &NodeContext) {
    for effect in effects {
        match effect {
            Effect::Send(port, msg) => cx.send(port, msg).await,
            Effect::Release(port, msg) => {
                let kept = cx.completion_watched().then(|| msg.clone());
                cx.send(port, msg).await;
                send_and_complete(cx, Vec::new(), kept.into_iter().collect()).await;
            }
            Effect::Complete(msg) => cx.complete(msg).await,
            Effect::Status(status) => cx.status(status),
        }
    }
}

#[async_trait]
impl Node for Delay {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        if let Some(status) = self.inner.state().begin(&self.inner.settings, Instant::now()) {
            cx.status(status);
        }
        let (inner, context) = (Arc::clone(&self.inner), cx.clone());
        cx.spawn(async move { inner.run(&context).await });
        Ok(())
    }

    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        let mut state = self.inner.state();
        let before = state.next();
        let taken = state.take(&self.inner.settings, msg, Instant::now());
        if state.next() != before {
            self.inner.alarm.changed();
        }
        drop(state);
        match taken {
            Err(error) => Handled::Failed(error),
            Ok(Taken { kept, effects }) => done(kept, effects, cx),
        }
    }

    async fn stop(&self, _: StopReason, cx: &NodeContext) {
        let held = self.inner.state().clear();
        send_and_complete(cx, Vec::new(), held).await;
        cx.status(Status::default());
    }
}

/// Applies the first effects at once, and leaves the rest to the bus.
fn done(kept: bool, mut effects: Vec<Effect>, cx: &NodeContext) -> Handled {
    effects.retain_mut(|effect| match effect {
        Effect::Status(status) => {
            cx.status(std::mem::take(status));
            false
        }
        _ => true,
    });
    match effects.pop() {
        None if kept => Handled::Kept(Sending::done()),
        None => Handled::Done,
        Some(Effect::Send(port, msg)) if effects.is_empty() => Handled::Send(port, msg),
        Some(last) => {
            effects.push(last);
            let cx = cx.clone();
            let perform = async move { perform(effects, &cx).await };
            if kept {
                return Handled::Kept(Sending::later(Box::pin(perform)));
            }
            Handled::Later(Box::pin(async move {
                perform.await;
                Ok(())
            }))
        }
    }
}

ferrowire::register!(
    NodeType::shared::<Delay>("delay")
        .summary("delays messages, or limits their rate")
        .category("function")
        .editor(Editor::NodeRed("function/89-delay"))
);
