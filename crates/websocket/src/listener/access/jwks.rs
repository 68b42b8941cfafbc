//! `Jwks`: the keys at an address, kept and read again when they change.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use ferrowire_core::{MutexExt as _, NodeContext};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::client::url::Url;
use crate::listener::access::fetch::fetch;
use crate::listener::access::keys::KeySet;

/// The age at which keys are read again, while they stay in use.
const FRESH: Duration = Duration::from_secs(10 * 60);

/// So many attempts are made in this time, whatever tokens ask for.
const ATTEMPTS: usize = 5;
const IN_TIME: Duration = Duration::from_secs(60);

/// The keys at an address. One request at a time, whoever waits for it.
pub(crate) struct Jwks {
    url: Url,
    cx: NodeContext,
    state: Mutex<State>,
    /// Notified when an attempt has ended.
    ended: Notify,
}

#[derive(Default)]
struct State {
    /// The last ones that were read, also when the server does not respond any more.
    keys: Option<Arc<KeySet>>,
    read: Option<Instant>,
    /// The begins of the last attempts.
    tried: VecDeque<Instant>,
    is_reading: bool,
}

impl State {
    fn is_stale(&self) -> bool {
        self.read.is_none_or(|read| read.elapsed() >= FRESH)
    }

    fn may_read(&self) -> bool {
        let has_tried_often = self.tried.len() >= ATTEMPTS
            && self.tried.front().is_some_and(|first| first.elapsed() < IN_TIME);
        !self.is_reading && !has_tried_often
    }
}

impl Jwks {
    /// Keys that are read when the first token needs them.
    pub(crate) fn new(url: Url, cx: NodeContext) -> Arc<Self> {
        Arc::new(Jwks { url, cx, state: Mutex::default(), ended: Notify::new() })
    }

    /// Keys for which `fits` is true, or the newest ones: keys that do not fit are read again, as the
    /// server may have new ones. `None` if none could be read yet.
    pub(crate) async fn keys(
        self: &Arc<Self>,
        fits: impl Fn(&KeySet) -> bool,
    ) -> Option<Arc<KeySet>> {
        let mut has_waited = false;
        loop {
            let mut ended = std::pin::pin!(self.ended.notified());
            ended.as_mut().enable();
            {
                let mut state = self.lock();
                let keys = state.keys.clone().filter(|keys| fits(keys));
                let wants = !has_waited && (keys.is_none() || state.is_stale());
                if wants && state.may_read() {
                    self.read_in_background(&mut state);
                }
                if keys.is_some() || has_waited || !state.is_reading {
                    return keys.or_else(|| state.keys.clone());
                }
            }
            ended.await;
            has_waited = true;
        }
    }

    /// In a task of its own, since a client that leaves must not end it for the others.
    fn read_in_background(self: &Arc<Self>, state: &mut State) {
        state.is_reading = true;
        if state.tried.len() == ATTEMPTS {
            state.tried.pop_front();
        }
        state.tried.push_back(Instant::now());
        let this = Arc::clone(self);
        self.cx.spawn(async move {
            let read = fetch(&this.url, &this.cx).await.and_then(|json| KeySet::from_json(&json));
            this.finish(read);
        });
    }

    fn finish(&self, read: Result<KeySet, String>) {
        let mut state = self.lock();
        state.is_reading = false;
        match read {
            Ok(keys) => {
                state.keys = Some(Arc::new(keys));
                state.read = Some(Instant::now());
            }
            Err(error) => {
                let rest = match state.keys {
                    Some(_) => "; the earlier ones stay in use",
                    None => "; no token is accepted without them",
                };
                let from = &self.url.authority;
                self.cx.warn(format_args!(
                    "cannot read the keys of tokens from {from}: {error}{rest}"
                ));
            }
        }
        drop(state);
        self.ended.notify_waiters();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.locked()
    }
}
