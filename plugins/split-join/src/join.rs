//! The node `join`: a sequence of messages becomes one.

mod arrived;
mod group;
mod reduce;
mod settings;
mod waiting;

use std::sync::{Arc, Mutex, MutexGuard};

use ferrowire::sequence::{Added, Alarm, drop_then, fail_last, send_and_complete};
use ferrowire::{
    FromConfig, Handled, Message, MutexExt as _, Node, NodeConfig, NodeContext, NodeError, Sending,
    StopReason, async_trait,
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
    Reduce(Box<Reduce>),
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    waiting: Mutex<Waiting>,
    alarm: Alarm,
}

/// The number of messages that may wait in all groups; the places of messages to come count as
/// well. One more than the longest sequence, so that it does not exclude every other message. At
/// the bound the oldest group goes to catch nodes, as [`ferrowire::sequence`] describes.
const MOST_HELD: usize = group::MOST + 1;

impl FromConfig for Join {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        if config.text("mode") == "reduce" {
            return Join(Mode::Reduce(Box::new(Reduce::from_config(config))));
        }
        let settings = Settings::from_config(config);
        let (waiting, alarm) = (Mutex::default(), Alarm::default());
        Join(Mode::Join(Arc::new(Inner { settings, waiting, alarm })))
    }
}

/// The outcome of a message.
enum Taken {
    /// It is complete.
    Done,
    /// It belongs to a group now. A group that it completed leaves; others made room.
    Added { left: Option<Box<Group>>, dropped: Vec<Group> },
    /// It reset groups, whose messages are complete.
    Reset(Vec<Group>),
}

impl Inner {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.locked()
    }

    fn handle(&self, msg: Message, cx: &NodeContext) -> Handled {
        let next = self.waiting().next_due();
        let taken = self.take(msg, cx);
        if self.waiting().next_due() != next {
            self.alarm.changed();
        }
        match taken {
            Ok(Taken::Done) => Handled::Done,
            Ok(Taken::Added { left, dropped }) => {
                let sending = left.map_or(Sending::done(), |group| send(*group, cx));
                Handled::Kept(drop_then(cx, dropped, sending))
            }
            Ok(Taken::Reset(groups)) => Handled::Later({
                let completing = complete_all(groups, cx);
                Box::pin(async move {
                    completing.await;
                    Ok(())
                })
            }),
            Err(error) => Handled::Failed(error),
        }
    }

    fn take(&self, mut msg: Message, cx: &NodeContext) -> Result<Taken, NodeError> {
        let settings = &self.settings;
        let has_parts = msg.get("parts").is_some_and(|parts| parts.get("id").is_some());
        if settings.is_auto && !has_parts {
            if msg.contains_key("reset") {
                return Ok(Taken::Reset(self.waiting().take_all()));
            }
            cx.warn("Message missing msg.parts property - cannot join in 'auto' mode");
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
            return Ok(Taken::Reset(waiting.remove(&id).into_iter().collect()));
        }
        if kind == Kind::Object && key.is_none() {
            return Ok(self.without_key(&mut waiting, &id, msg, cx));
        }
        if let (Kind::Buffer, Some(value)) = (kind, &value)
            && bytes_of(value).is_none()
        {
            return Err(NodeError::new(invalid_type(value)));
        }
        let group = waiting.get(&id);
        let kind = group.map_or(kind, |group| group.kind);
        let is_named = kind == Kind::Merged || kind == Kind::Object && key.is_some();
        let index = if is_named { None } else { group::place(index)? };
        let growth = Group::growth(group, kind, index, value.as_ref());
        let (ends, watched) = (msg.contains_key("complete"), cx.completion_watched());
        let begin = || settings.begin(kind, parts.as_ref());
        let Added { result: is_complete, dropped } =
            waiting.add(&id, growth, settings.due(), begin, |group| {
                let added = match (kind, &key) {
                    (Kind::Object, Some(key)) => group.add_named(key, value),
                    (Kind::Merged, _) => group.merge(value.as_ref()).unwrap_or_else(|| {
                        if !ends {
                            cx.warn("Cannot merge non-object types");
                        }
                        arrived::Added::Nothing
                    }),
                    _ => group.add(index, value),
                };
                group.absorb(msg, added, watched);
                group.is_complete() || ends
            })?;
        let left = if is_complete { self.complete(&mut waiting, &id) } else { None };
        Ok(Taken::Added { left: left.map(Box::new), dropped })
    }

    /// A message without a name for its value, which cannot become a property of an object.
    fn without_key(
        &self,
        waiting: &mut Waiting,
        id: &str,
        msg: Message,
        cx: &NodeContext,
    ) -> Taken {
        let complete = msg.get("complete").filter(|_| !self.settings.is_auto).cloned();
        let Some(complete) = complete else {
            self.settings.warn_of_missing_key(cx);
            return Taken::Done;
        };
        if waiting.update(id, |group| group.set_complete(complete, msg)).is_none() {
            return Taken::Done;
        }
        let left = self.complete(waiting, id).map(Box::new);
        Taken::Added { left, dropped: Vec::new() }
    }

    /// The complete group. An accumulating group stays as well, without the messages that leave.
    fn complete(&self, waiting: &mut Waiting, id: &str) -> Option<Group> {
        waiting.set_due(id, None);
        let goes_on = |group: &mut Group| {
            let goes_on = self.settings.accumulates && !group.was_completed();
            goes_on.then(|| group.leave())
        };
        waiting.update(id, goes_on)?.or_else(|| waiting.remove(id))
    }

    /// Sends the groups whose time has ended, until the node stops.
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
            if let Some(group) = group {
                send(group, cx).await;
            }
        }
    }
}

/// Sends the message that the group becomes. If it has none, the last of its messages fails.
fn send(mut group: Group, cx: &NodeContext) -> Sending {
    let arrived = group.take_arrived();
    match group.into_message() {
        Ok(msg) => send_and_complete(cx, vec![(0, msg)], arrived),
        Err(error) => fail_last(cx, error, arrived),
    }
}

fn complete_all(groups: Vec<Group>, cx: &NodeContext) -> Sending {
    let arrived = groups.into_iter().flat_map(|mut group| group.take_arrived()).collect();
    send_and_complete(cx, Vec::new(), arrived)
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
        match &self.0 {
            Mode::Join(inner) => inner.handle(msg, cx),
            Mode::Reduce(reduce) => reduce.on_message_now(msg, cx),
        }
    }

    async fn stop(&self, _: StopReason, cx: &NodeContext) {
        let inner = match &self.0 {
            Mode::Join(inner) => inner,
            Mode::Reduce(reduce) => return reduce.stop(cx).await,
        };
        let groups = inner.waiting().take_all();
        complete_all(groups, cx).await;
    }
}
