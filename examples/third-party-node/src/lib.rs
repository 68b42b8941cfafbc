//! The node `rate limit`: limits the number of messages per interval, for each session or for all
//! together. Messages over the limit are dropped, or leave through the second output.
#![forbid(unsafe_code)]

mod buckets;

use std::sync::Mutex;
use std::time::Duration;

use ferrowire::{
    Editor, EditorPart, FromConfig, Handled, Message, MutexExt as _, Node, NodeConfig, NodeContext,
    NodeType, register,
};
use tokio::time::Instant;

use buckets::{Buckets, Rate};

/// The output of messages within the limit.
const ALLOWED: usize = 0;
/// The output of the other messages, if they are not dropped.
const REJECTED: usize = 1;

/// Which messages are counted together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Per {
    Session,
    Node,
}

struct RateLimit {
    per: Per,
    reject: bool,
    buckets: Mutex<Buckets>,
}

impl FromConfig for RateLimit {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let limit = config.number_in("limit", 1.0..=1e6).unwrap_or(10.0);
        if limit.fract() != 0.0 {
            config
                .problem("limit", format!("expected a whole number of messages, found `{limit}`"));
        }
        let seconds = config.number_in("interval", 0.001..=86_400.0).unwrap_or(1.0);
        let per = match config.text_or("per", "session").as_str() {
            "session" => Per::Session,
            "node" => Per::Node,
            other => {
                config.problem("per", format!("expected `session` or `node`, found `{other}`"));
                Per::Node
            }
        };
        let reject = match config.text_or("over", "drop").as_str() {
            "drop" => false,
            "reject" => true,
            other => {
                config.problem("over", format!("expected `drop` or `reject`, found `{other}`"));
                false
            }
        };
        let rate = Rate { limit, interval: Duration::from_secs_f64(seconds) };
        RateLimit { per, reject, buckets: Mutex::new(Buckets::new(rate)) }
    }
}

impl Node for RateLimit {
    fn on_message_now(&self, mut msg: Message, _: &NodeContext) -> Handled {
        let whose = match self.per {
            Per::Session => session(&msg),
            Per::Node => "",
        };
        let mut buckets = self.buckets.locked();
        let wait = buckets.take(whose, Instant::now());
        drop(buckets);
        match wait {
            None => Handled::Send(ALLOWED, msg),
            Some(wait) if self.reject => {
                msg.set("retryAfter", wait.as_secs_f64());
                Handled::Send(REJECTED, msg)
            }
            Some(_) => Handled::Done,
        }
    }
}

/// The session of a message. Messages without one are counted together.
fn session(msg: &Message) -> &str {
    let id = msg.get("_session").and_then(|session| session.get("id"));
    id.and_then(|id| id.as_str()).unwrap_or_default()
}

register!(
    NodeType::shared::<RateLimit>("rate limit")
        .summary("limits the messages of each session per interval")
        .editor(Editor::Own(&EditorPart::new("rate-limit", include_str!("editor.html"))))
);
