//! The node `rate limit`: lets each session, or all together, send so many messages in a time.
//! What is over the limit is dropped, or leaves through the second output.
#![forbid(unsafe_code)]

mod buckets;

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use ferrowire::{
    Editor, EditorPart, FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeType,
    register,
};
use tokio::time::Instant;

use buckets::{Buckets, Rate};

/// The output of messages within the limit.
const ALLOWED: usize = 0;
/// The output of the others, if they are not dropped.
const REJECTED: usize = 1;

/// Whose messages are counted together.
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
            config.problem("limit", format!("{limit} is not a whole number of messages"));
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
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
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

/// The session that a message came from. Messages without one are counted together.
fn session(msg: &Message) -> &str {
    let id = msg.get("_session").and_then(|session| session.get("id"));
    id.and_then(|id| id.as_str()).unwrap_or_default()
}

register!(
    NodeType::shared::<RateLimit>("rate limit")
        .summary("lets each session send so many messages in a time")
        .editor(Editor::Own(&EditorPart::new("rate-limit", include_str!("editor.html"))))
);
