//! The node `trigger`: sends a message, and later another one, or repeats the message.

mod output;
mod settings;
mod state;

use std::sync::{Arc, Mutex, MutexGuard};

use ferrowire::sequence::Alarm;
use ferrowire::{
    Editor, FromConfig, Handled, Message, MutexExt as _, Node, NodeConfig, NodeContext, NodeError,
    NodeType, Status, StopReason, async_trait,
};
use tokio::time::Instant;

use settings::Settings;
use state::Topics;

/// Node-RED's `trigger`.
#[derive(Debug)]
pub struct Trigger {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    topics: Mutex<Topics>,
    alarm: Alarm,
}

impl FromConfig for Trigger {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let settings = Settings::from_config(config);
        Trigger {
            inner: Arc::new(Inner { settings, topics: Mutex::default(), alarm: Alarm::default() }),
        }
    }
}

impl Inner {
    fn topics(&self) -> MutexGuard<'_, Topics> {
        self.topics.locked()
    }

    /// Sends what is due, until the node stops.
    async fn run(&self, cx: &NodeContext) {
        loop {
            self.alarm.due(|| self.topics().next()).await;
            self.fire(cx).await;
        }
    }

    async fn fire(&self, cx: &NodeContext) {
        loop {
            let fired = self.topics().fire(&self.settings, cx, Instant::now());
            let Some(fired) = fired else { break };
            match fired {
                Ok((status, sent)) => {
                    if let Some(status) = status {
                        cx.status(status);
                    }
                    if let Some((port, msg)) = sent {
                        cx.send(port, msg).await;
                    }
                }
                Err(error) => cx.fail(error),
            }
        }
    }
}

#[async_trait]
impl Node for Trigger {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        let (inner, context) = (Arc::clone(&self.inner), cx.clone());
        cx.spawn(async move { inner.run(&context).await });
        Ok(())
    }

    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        let mut topics = self.inner.topics();
        let before = topics.next();
        let taken = topics.take(&self.inner.settings, msg, cx, Instant::now());
        if topics.next() != before {
            self.inner.alarm.changed();
        }
        drop(topics);
        match taken {
            Err(error) => Handled::Failed(error),
            Ok((status, sent)) => {
                if let Some(status) = status {
                    cx.status(status);
                }
                sent.map_or(Handled::Done, |msg| Handled::Send(0, msg))
            }
        }
    }

    async fn stop(&self, _: StopReason, cx: &NodeContext) {
        *self.inner.topics() = Topics::default();
        cx.status(Status::default());
    }
}

ferrowire::register!(
    NodeType::shared::<Trigger>("trigger")
        .summary("sends a message, and another one later")
        .category("function")
        .editor(Editor::NodeRed("function/89-trigger"))
);
