//! `Health`: whether the program lives and is ready, for probes of load balancers and containers.
//!
//! Anybody may ask, so the answers are a status and words for its reasons, and no more.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use ferrowire_admin::{Admin, WhyStopped};
use ferrowire_http::{Page, full};
use hyper::StatusCode;
use serde_json::json;

use crate::operation::{refuse_method, uncached};

/// Answers as long as the program handles requests.
const LIVE: &str = "/health/live";
/// Answers with 200 if the flows run and the program is not about to end.
const READY: &str = "/health/ready";

/// The paths, below the admin root or at the address for metrics.
pub(crate) const PATHS: [&str; 2] = [LIVE, READY];

/// What the program does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(crate) enum Phase {
    /// The flows start for the first time.
    Starting,
    /// They were started, and run unless a problem prevents it.
    Running,
    /// The program is asked to end.
    Draining,
}

/// The state of the program. Clones share it.
#[derive(Clone)]
pub(crate) struct Health {
    admin: Arc<Admin>,
    phase: Arc<AtomicU8>,
}

impl Health {
    /// The state of a program that begins to start its flows.
    pub(crate) fn new(admin: &Arc<Admin>) -> Self {
        let phase = AtomicU8::new(Phase::Starting as u8);
        Health { admin: Arc::clone(admin), phase: Arc::new(phase) }
    }

    /// Notes what the program does from now on. It never goes back.
    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::Relaxed);
    }

    /// Why the program is not ready; `None` if it is.
    pub(crate) fn reason(&self) -> Option<&'static str> {
        let phase = self.phase.load(Ordering::Relaxed);
        if phase == Phase::Starting as u8 {
            return Some("starting");
        }
        if phase == Phase::Draining as u8 {
            return Some("draining");
        }
        let stopped = self.admin.why_stopped().map(|why| match why {
            WhyStopped::Stopped => "flows-stopped",
            WhyStopped::Safe => "safe-mode",
            WhyStopped::NotDeployed => "flows-not-deployed",
        });
        stopped.or_else(|| self.admin.is_behind().then_some("flows-behind"))
    }

    /// The page at one of [`PATHS`].
    pub(crate) fn page(&self, path: &'static str) -> Page {
        let health = self.clone();
        Arc::new(move |request, _| {
            let response = refuse_method(&request).unwrap_or_else(|| {
                let reason = health.reason().filter(|_| path == READY);
                let (code, status) = match (path, reason) {
                    (LIVE, _) => (StatusCode::OK, "live"),
                    (_, None) => (StatusCode::OK, "ready"),
                    (_, Some(_)) => (StatusCode::SERVICE_UNAVAILABLE, "not-ready"),
                };
                let reasons: Vec<&str> = reason.into_iter().collect();
                let body = json!({"status": status, "reasons": reasons}).to_string();
                let mut response = uncached(full("application/json", body));
                *response.status_mut() = code;
                response
            });
            Box::pin(std::future::ready(response))
        })
    }
}

impl fmt::Debug for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Health").field("reason", &self.reason()).finish_non_exhaustive()
    }
}
