//! The node `delay`: holds messages back, or limits how many pass in a time.

mod held;
mod queue;
mod settings;
mod state;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferrowire_core::{
    Editor, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, NodeType,
    Status, StopReason, async_trait,
};
use tokio::sync::Notify;
use tokio::time::Instant;

use settings::Settings;
use state::{Effect, State};

/// Node-RED's `delay`.
#[derive(Debug)]
pub struct Delay {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    state: Mutex<State>,
    changed: Notify,
}

impl FromConfig for Delay {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let settings = Settings::from_config(config);
        let state = Mutex::new(State::new(&settings));
        Delay { inner: Arc::new(Inner { settings, state, changed: Notify::new() }) }
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does what is due, for as long as the node lives.
    async fn run(&self, cx: &NodeContext) {
        loop {
            let changed = self.changed.notified();
            let next = self.state().next();
            match next {
                None => changed.await,
                Some(next) => tokio::select! {
                    () = tokio::time::sleep_until(next) => {
                        let effects = self.state().advance(&self.settings, Instant::now());
                        perform(effects, cx).await;
                    }
                    () = changed => {}
                },
            }
        }
    }
}

async fn perform(effects: Vec<Effect>, cx: &NodeContext) {
    for effect in effects {
        match effect {
            Effect::Send(port, msg) => cx.send(port, msg).await,
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
        let taken = self.inner.state().take(&self.inner.settings, msg, Instant::now());
        self.inner.changed.notify_one();
        let mut effects = match taken {
            Ok(effects) => effects,
            Err(error) => return Handled::Failed(error),
        };
        if effects.iter().all(|effect| matches!(effect, Effect::Status(_))) {
            for effect in effects {
                if let Effect::Status(status) = effect {
                    cx.status(status);
                }
            }
            return Handled::Done;
        }
        if effects.len() == 1 {
            match effects.pop() {
                Some(Effect::Send(port, msg)) => return Handled::Send(port, msg),
                Some(other) => effects.push(other),
                None => {}
            }
        }
        let cx = cx.clone();
        Handled::Later(Box::pin(async move {
            perform(effects, &cx).await;
            Ok(())
        }))
    }

    async fn stop(&self, _: StopReason, cx: &NodeContext) {
        self.inner.state().clear();
        cx.status(Status::default());
    }
}

ferrowire_core::register!(
    NodeType::shared::<Delay>("delay")
        .summary("holds messages back, or limits their rate")
        .category("function")
        .editor(Editor::NodeRed("function/89-delay"))
);
