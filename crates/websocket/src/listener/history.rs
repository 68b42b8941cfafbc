//! `history`: the messages that a listener and its rooms keep for who connects or joins later.

mod followed;
mod hear;
mod kept;
mod position;
mod publish;
mod store;

use std::time::Duration;

use ferrowire_core::NodeConfig;

use crate::settings;

pub(crate) use followed::{Followed, Following, Heard};
pub(crate) use position::{Ask, Position};
pub(crate) use publish::{History, Publication};
pub(crate) use store::Bounds;

/// The most messages of one history.
const MOST: f64 = 100_000.0;

/// With `historyKey`, so many topics are kept even if `history` is less.
const TOPICS: usize = 1_000;

/// A room that gets no message keeps its history for this time, without `historyAge`.
const UNUSED: Duration = Duration::from_secs(3_600);

/// What a listener keeps of the messages to everybody, and to each room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HistoryOptions {
    /// The most messages.
    pub(crate) messages: usize,
    pub(crate) age: Option<Duration>,
    /// Keep the newest message of each topic.
    pub(crate) by_topic: bool,
}

impl HistoryOptions {
    /// Reads `history`, `historyAge` (seconds) and `historyKey`; `None` if no history is kept.
    pub(crate) fn from_config(config: &mut NodeConfig<'_>) -> Option<Self> {
        let messages = config.number_in("history", 0.0..=MOST).unwrap_or(0.0) as usize;
        let age = settings::seconds(config, "historyAge");
        let key = config.text("historyKey");
        if !matches!(key.as_str(), "" | "topic") {
            config.problem("historyKey", format!("expected `topic`, found `{key}`"));
        }
        let by_topic = key == "topic";
        let messages = if by_topic { messages.max(TOPICS) } else { messages };
        (messages > 0).then_some(HistoryOptions { messages, age, by_topic })
    }
}
