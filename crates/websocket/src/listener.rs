//! `websocket-listener`: accepts clients at a path of the runtime's port.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use ferrowire_core::port::{Origin, Registration, Response, TakeOver, Upgrade};
use ferrowire_core::{
    FromConfig, Handled, Message, Node, NodeConfig, NodeContext, NodeError, StopReason, async_trait,
};
use hyper::http::request::Parts;

use crate::closing::{going_away, restarting};
use crate::payload::Mode;
use crate::sessions::Sessions;
use crate::settings::{Overrides, Settings, SlowPeer, slow_client};
use crate::{handshake, metrics};

/// The configuration node `websocket-listener`.
pub struct Listener {
    path: String,
    subprotocols: Vec<String>,
    mode: Mode,
    overrides: Overrides,
    slow_client: Option<SlowPeer>,
    registration: Mutex<Option<Registration>>,
    sessions: OnceLock<Arc<Sessions>>,
}

impl std::fmt::Debug for Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Listener").field("path", &self.path).finish_non_exhaustive()
    }
}

impl FromConfig for Listener {
    fn from_config(config: &mut NodeConfig<'_>) -> Self {
        let path = config.text("path");
        if path.trim_matches('/').is_empty() {
            config.problem("path", "expected a path such as `/ws/chat`");
        } else if !path.bytes().all(|b| b.is_ascii_graphic() && b != b'?' && b != b'#') {
            let text = format!("invalid path `{path}`: percent-encode what is not plain ASCII");
            config.problem("path", text);
        }
        Listener {
            path,
            subprotocols: split_list(&config.text("subprotocol")),
            mode: Mode::from_property(config.raw("wholemsg")),
            overrides: Overrides::from_config(config),
            slow_client: slow_client(config),
            registration: Mutex::default(),
            sessions: OnceLock::new(),
        }
    }
}

/// The entries of a comma-separated list, trimmed, without empty ones.
pub(crate) fn split_list(list: &str) -> Vec<String> {
    list.split(',').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

#[async_trait]
impl Node for Listener {
    async fn start(&self, cx: &NodeContext) -> Result<(), NodeError> {
        let port = cx.port()?;
        let settings = Settings::of(cx);
        let limits = self.overrides.over(settings.limits);
        let slow_peer = self.slow_client.unwrap_or(settings.slow_peer);
        let sessions = self
            .sessions
            .get_or_init(|| Arc::new(Sessions::new(cx.clone(), self.mode, limits, slow_peer)));
        let path = format!("/{}", self.path.trim_start_matches('/'));
        let upgrade =
            Handshakes { sessions: Arc::clone(sessions), subprotocols: self.subprotocols.clone() };
        let registration = port.add_upgrade(cx.info(), &path, Arc::new(upgrade))?;
        *self.registration.lock().unwrap_or_else(PoisonError::into_inner) = Some(registration);
        Ok(())
    }

    fn on_message_now(&self, msg: Message, _: &NodeContext) -> Handled {
        match self.sessions.get() {
            Some(sessions) => sessions.send(msg),
            None => Handled::Done,
        }
    }

    async fn stop(&self, reason: StopReason, _: &NodeContext) {
        drop(self.registration.lock().unwrap_or_else(PoisonError::into_inner).take());
        if let Some(sessions) = self.sessions.get() {
            sessions
                .close_all(&match reason {
                    StopReason::Restarting => restarting(),
                    StopReason::Removed | StopReason::ShuttingDown => going_away(),
                })
                .await;
        }
    }
}

/// Handles the handshakes of clients.
struct Handshakes {
    sessions: Arc<Sessions>,
    subprotocols: Vec<String>,
}

#[async_trait]
impl Upgrade for Handshakes {
    async fn upgrade(&self, head: Parts, origin: Origin) -> Result<TakeOver, Response> {
        let answer = handshake::accept(&head, &self.subprotocols).map_err(|refusal| {
            metrics::REFUSED.increment();
            *refusal
        })?;
        metrics::ACCEPTED.increment();
        let sessions = Arc::clone(&self.sessions);
        let peer = origin.address;
        Ok(Box::new(move |stream, early| sessions.connected(stream, &answer, early, peer)))
    }
}
