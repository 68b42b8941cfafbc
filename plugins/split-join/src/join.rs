//! The node `join`: a sequence of messages becomes one.

mod group;
mod reduce;
mod settings;
mod waiting;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ferrowire_core::{
    Alarm, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, Sequence,
    StopReason, async_trait, made_room,
};
use tokio::time::Instant;

use group::{Group, Kind, bytes_of, invalid_type};
use reduce::Reduce;
use settings::{Arrival, Settings};
use waiting::Waiting;

/// Node-RED's `join`.
#[derive(Debug)]
pub struct Join(Mode);

#[derive(Debug)]
enum Mode {
    Join(Arc<Inner>),
    Reduce(Arc<Reduce>),
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    waiting: Mutex<Waiting>,
    alarm: Alarm,
}

/// How many messages are held, in all groups.
const MOST_HELD: usize = 1 << 20;

impl FromConfig for Join {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        if config.text("mode") == "reduce" {
            return Join(Mode::Reduce(Arc::new(Reduce::from_config(config))));
        }
        let settings = Settings::from_config(config);
        let (waiting, alarm) = (Mutex::default(), Alarm::default());
        Join(Mode::Join(Arc::new(Inner { settings, waiting, alarm })))
    }
}

/// What came of a message.
enum Taken {
    /// It waits for the others of its group.
    Waits,
    /// It is done with.
    Done,
    /// Its group, or another that it ended without joining, leaves.
    Left(Group),
    /// The group was given up; its messages are complete.
    Dropped(Group),
}

impl Inner {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn handle(&self, msg: Message, cx: &NodeContext) -> Handled {
        let next = self.waiting().next_due();
        let taken = self.take(msg, cx);
        if self.waiting().next_due() != next {
            self.alarm.changed();
        }
        match taken {
            Ok(Taken::Waits) => Handled::Kept(ferrowire_core::Sending::done()),
            Ok(Taken::Done) => Handled::Done,
            Ok(Taken::Dropped(group)) => Handled::Later({
                let sending = cx.send_all(Vec::new(), group.kept);
                Box::pin(async move {
                    sending.await;
                    Ok(())
                })
            }),
            Ok(Taken::Left(mut group)) => {
                let kept = std::mem::take(&mut group.kept);
                match group.into_message() {
                    Ok(msg) if kept.is_empty() => Handled::Send(0, msg),
                    Ok(msg) => Handled::Kept(cx.send_all(vec![(0, msg)], kept)),
                    Err(error) => Handled::Failed(error),
                }
            }
            Err(error) => Handled::Failed(error),
        }
    }

    fn take(&self, mut msg: Message, cx: &NodeContext) -> Result<Taken, NodeError> {
        let settings = &self.settings;
        let has_parts = msg.get("parts").is_some_and(|parts| parts.get("id").is_some());
        if settings.is_auto && !has_parts {
            if msg.contains_key("reset") {
                self.waiting().take_all();
            } else {
                cx.warn("Message missing msg.parts property - cannot join in 'auto' mode");
            }
            return Ok(Taken::Done);
        }
        if !settings.is_auto && !settings.uses_parts {
            settings::leave_sequence(&mut msg);
        }
        let parts = msg.get("parts").cloned();
        let Arrival { id, kind, value, key, index } = match settings.arrival(&msg, parts.as_ref()) {
            Ok(arrival) => arrival,
            Err(warning) => {
                cx.warn(warning);
                return Ok(Taken::Done);
            }
        };
        let mut waiting = self.waiting();
        if msg.contains_key("restartTimeout") {
            waiting.set_due(&id, settings.due());
        }
        if msg.contains_key("reset") {
            return Ok(waiting.remove(&id).map_or(Taken::Done, Taken::Dropped));
        }
        if kind == Kind::Object && key.is_none() {
            return Ok(self.without_key(&mut waiting, &id, &msg, cx));
        }
        if let (Kind::Buffer, Some(value)) = (kind, &value)
            && bytes_of(value).is_none()
        {
            return Err(NodeError::new(invalid_type(value)));
        }
        let ends = msg.contains_key("complete");
        let begin = || settings.begin(kind, parts.as_ref());
        let is_complete = waiting.change(&id, settings.due(), begin, |group| {
            match (group.kind, &key) {
                (Kind::Object, Some(key)) => group.add_named(key, value),
                (Kind::Merged, _) => {
                    if !group.merge(value.as_ref()) && !ends {
                        cx.warn("Cannot merge non-object types");
                    }
                }
                _ => group.add(index, value)?,
            }
            group.kept.extend(cx.completion_watched().then(|| msg.clone()));
            group.absorb(msg);
            Ok::<_, NodeError>(group.is_complete() || ends)
        });
        let left = if is_complete? { self.complete(&mut waiting, &id) } else { None };
        Ok(left.map_or(Taken::Waits, Taken::Left))
    }

    /// An object has no place for a value without a name.
    fn without_key(
        &self,
        waiting: &mut Waiting,
        id: &str,
        msg: &Message,
        cx: &NodeContext,
    ) -> Taken {
        let Some(complete) = msg.get("complete").filter(|_| !self.settings.is_auto) else {
            self.settings.warn_of_missing_key(cx);
            return Taken::Done;
        };
        let kept = cx.completion_watched().then(|| msg.clone());
        waiting.update(id, |group| {
            group.set_complete(complete.clone());
            group.kept.extend(kept);
        });
        self.complete(waiting, id).map_or(Taken::Done, Taken::Left)
    }

    /// The group, which stays as well if it goes on.
    fn complete(&self, waiting: &mut Waiting, id: &str) -> Option<Group> {
        waiting.set_due(id, None);
        let goes_on = |group: &mut Group| {
            let goes_on = self.settings.accumulates && !group.was_completed();
            goes_on.then(|| {
                let kept = std::mem::take(&mut group.kept);
                let mut left = group.clone();
                left.kept = kept;
                left
            })
        };
        waiting.update(id, goes_on)?.or_else(|| waiting.remove(id))
    }

    /// Sends the groups whose time is over, for as long as the node lives.
    async fn run(&self, cx: &NodeContext) {
        loop {
            self.alarm.due(|| self.waiting().next_due()).await;
            self.send_due(cx).await;
        }
    }

    async fn send_due(&self, cx: &NodeContext) {
        let now = Instant::now();
        loop {
            let group = {
                let mut waiting = self.waiting();
                let Some(id) = waiting.overdue(now) else { return };
                self.complete(&mut waiting, &id)
            };
            let Some(mut group) = group else { continue };
            let kept = std::mem::take(&mut group.kept);
            match group.into_message() {
                Ok(msg) => cx.send_all(vec![(0, msg)], kept).await,
                Err(error) => cx.fail(error),
            }
        }
    }
}

/// What catch nodes are given of a group that had to make room.
fn remains(group: Group) -> Message {
    group.into_message().unwrap_or_default()
}

#[async_trait]
impl Node for Join {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        if let Mode::Join(inner) = &self.0
            && inner.settings.timeout.is_some()
        {
            let (inner, context) = (Arc::clone(inner), cx.clone());
            cx.spawn(async move { inner.run(&context).await });
        }
        Ok(())
    }

    fn on_message_now(&self, msg: Message, cx: &NodeContext) -> Handled {
        let inner = match &self.0 {
            Mode::Join(inner) => inner,
            Mode::Reduce(reduce) => return reduce.on_message_now(msg, cx),
        };
        let oldest = inner.waiting().make_room();
        let Some(oldest) = oldest else { return inner.handle(msg, cx) };
        let (inner, held) = (Arc::clone(inner), oldest.held());
        let handle = move |msg, cx: &NodeContext| inner.handle(msg, cx);
        cx.drop_before(vec![remains(oldest)], move || made_room(held), msg, handle)
    }

    async fn stop(&self, _: StopReason, cx: &NodeContext) {
        let inner = match &self.0 {
            Mode::Join(inner) => inner,
            Mode::Reduce(reduce) => return reduce.stop(cx).await,
        };
        let groups = inner.waiting().take_all();
        let kept = groups.into_iter().flat_map(|group| group.kept).collect();
        cx.send_all(Vec::new(), kept).await;
    }
}
