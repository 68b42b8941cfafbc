//! `Topics`: the pending messages of each topic.

use std::collections::{BTreeSet, HashMap};
use std::time::Duration;

use ferrowire::{Key, Message, NodeContext, NodeError, Status, Value};
use tokio::time::Instant;

use crate::output::{Output, set_payload};
use crate::settings::Settings;

/// The maximum number of active topics.
const MOST_TOPICS: usize = 65_536;

#[derive(Debug)]
struct Topic {
    /// `None` if nothing follows until a reset.
    due: Option<Instant>,
    msg: Message,
    /// The payload of the second message.
    then: Option<Value>,
    /// The latest message, if that is what follows.
    latest: Option<Message>,
    /// The interval of repetitions.
    interval: Option<Duration>,
    extended: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Topics {
    by_name: HashMap<Key, Topic>,
    due: BTreeSet<(Instant, Key)>,
}

type Taken = (Option<Status>, Option<Message>);
type Fired = (Option<Status>, Option<(usize, Message)>);

impl Topics {
    fn status(&self) -> Status {
        match self.by_name.len() {
            0 => Status::default(),
            1 => Status::new("blue", "dot", ""),
            count => Status::new("blue", "dot", count.to_string()),
        }
    }

    fn remove(&mut self, name: &Key) -> Option<Topic> {
        let topic = self.by_name.remove(name)?;
        if let Some(due) = topic.due {
            self.due.remove(&(due, name.clone()));
        }
        Some(topic)
    }

    fn insert(&mut self, name: Key, topic: Topic) {
        self.remove(&name);
        if let Some(due) = topic.due {
            self.due.insert((due, name.clone()));
        }
        self.by_name.insert(name, topic);
    }

    /// Handles a message: returns the status to show and the message to send.
    pub(crate) fn take(
        &mut self,
        settings: &Settings,
        msg: Message,
        cx: &NodeContext,
        now: Instant,
    ) -> Result<Taken, NodeError> {
        let name = settings.topic(&msg);
        if settings.is_reset(&msg) {
            self.remove(&name);
            return Ok((Some(self.status()), None));
        }
        let Some(topic) = self.by_name.get_mut(&name).filter(|_| !settings.repeats) else {
            return self.begin(settings, name, msg, cx, now);
        };
        let is_latest = matches!(settings.then, Output::Latest);
        if is_latest {
            topic.latest = Some(msg.clone());
        }
        let wait = settings.wait(&msg).filter(|_| settings.extends && topic.due.is_some());
        if let Some(wait) = wait
            && let Some(mut topic) = self.remove(&name)
        {
            if is_latest {
                topic.then = msg.payload().cloned();
            }
            (topic.due, topic.msg, topic.extended) = (Some(now + wait), msg, true);
            self.insert(name, topic);
        }
        Ok((None, None))
    }

    fn begin(
        &mut self,
        settings: &Settings,
        name: Key,
        mut msg: Message,
        cx: &NodeContext,
        now: Instant,
    ) -> Result<Taken, NodeError> {
        if self.by_name.len() >= MOST_TOPICS && !self.by_name.contains_key(&name) {
            let text =
                format!("too many topics: {MOST_TOPICS} are active; this message was dropped");
            return Err(NodeError::new(text));
        }
        let latest = matches!(settings.then, Output::Latest).then(|| msg.clone());
        let then = settings.then.evaluate(&msg, cx)?;
        let wait = settings.wait(&msg);
        if !matches!(settings.first, Output::Original | Output::Nothing) {
            let payload = settings.first.evaluate(&msg, cx)?;
            set_payload(&mut msg, payload);
        }
        let has_first = !settings.first.is_nothing();
        let due = wait.filter(|_| !settings.repeats || has_first).map(|wait| now + wait);
        let interval = wait.filter(|_| settings.repeats);
        let topic = Topic { due, msg: msg.clone(), then, latest, interval, extended: false };
        self.insert(name, topic);
        Ok((Some(self.status()), has_first.then_some(msg)))
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Handles one due topic: returns the status to show and the message to send.
    pub(crate) fn fire(
        &mut self,
        settings: &Settings,
        cx: &NodeContext,
        now: Instant,
    ) -> Option<Result<Fired, NodeError>> {
        let (_, name) = self.due.first().filter(|(at, _)| *at <= now).cloned()?;
        let mut topic = self.remove(&name)?;
        if let Some(interval) = topic.interval {
            if settings.first.is_late()
                && let Ok(payload) = settings.first.evaluate(&topic.msg, cx)
            {
                set_payload(&mut topic.msg, payload);
            }
            let msg = topic.msg.clone();
            topic.due = Some(now + interval);
            self.insert(name, topic);
            return Some(Ok((None, Some((0, msg)))));
        }
        let port = usize::from(settings.second_output);
        let sent = topic.second(settings, cx);
        Some(sent.map(|msg| (Some(self.status()), msg.map(|msg| (port, msg)))))
    }
}

impl Topic {
    /// The message that follows.
    fn second(
        mut self,
        settings: &Settings,
        cx: &NodeContext,
    ) -> Result<Option<Message>, NodeError> {
        match &settings.then {
            Output::Nothing => return Ok(None),
            Output::Latest if !self.extended => return Ok(self.latest),
            then if then.is_late() => {
                let payload = then.evaluate(&self.msg, cx)?;
                set_payload(&mut self.msg, payload);
            }
            _ => set_payload(&mut self.msg, self.then),
        }
        Ok(Some(self.msg))
    }
}
