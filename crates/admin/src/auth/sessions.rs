//! `Sessions`: the logins, kept over restarts in Node-RED's `.sessions.json`.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use ferrowire_core::MutexExt as _;

use ferrowire_files::{Content, replace};
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tracing::warn;

use crate::Permissions;

/// The largest number of sessions. Beyond it, the session that would expire first is ended.
const MOST: usize = 10_000;

/// A login.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Session {
    pub(crate) user: String,
    pub(crate) client: String,
    pub(crate) scope: Permissions,
    pub(crate) access_token: String,
    /// The time it expires, in milliseconds since 1970.
    pub(crate) expires: u64,
}

impl Session {
    /// The time until it expires; `None` if it has expired.
    pub(crate) fn remaining(&self) -> Option<Duration> {
        let left = self.expires.checked_sub(now())?;
        (left > 0).then(|| Duration::from_millis(left))
    }
}

pub(crate) struct Sessions {
    file: Option<PathBuf>,
    lifetime: Duration,
    all: Mutex<HashMap<String, Session>>,
    /// Held while the file is written, so that the last write has the latest state.
    saving: tokio::sync::Mutex<()>,
    ended: watch::Sender<()>,
}

impl Sessions {
    /// The sessions in `file`. Without a file, sessions end with the program.
    pub(crate) fn open(file: Option<PathBuf>, lifetime: Duration) -> Self {
        let mut all = file.as_deref().map(read).unwrap_or_default();
        all.retain(|token, session| {
            session.remaining().is_some() && *token == session.access_token
        });
        Sessions {
            file,
            lifetime,
            all: Mutex::new(all),
            saving: tokio::sync::Mutex::default(),
            ended: watch::Sender::new(()),
        }
    }

    pub(crate) fn lifetime(&self) -> Duration {
        self.lifetime
    }

    /// Notifies when a session has been ended before it expired.
    pub(crate) fn ended(&self) -> watch::Receiver<()> {
        self.ended.subscribe()
    }

    pub(crate) fn get(&self, token: &str) -> Option<Session> {
        self.lock().get(token).filter(|session| session.remaining().is_some()).cloned()
    }

    /// Begins a session and returns its token.
    pub(crate) async fn begin(&self, user: &str, client: &str, scope: Permissions) -> String {
        let secret: [u8; 128] = rand::random();
        let access_token = data_encoding::BASE64.encode(&secret);
        let session = Session {
            user: user.to_owned(),
            client: client.to_owned(),
            scope,
            access_token: access_token.clone(),
            expires: now().saturating_add(millis(self.lifetime)),
        };
        {
            let mut all = self.lock();
            all.retain(|_, session| session.remaining().is_some());
            if all.len() >= MOST {
                let first = all.values().min_by_key(|session| session.expires);
                let first = first.map(|session| session.access_token.clone());
                first.map(|token| all.remove(&token));
            }
            all.insert(access_token.clone(), session);
        }
        self.save().await;
        access_token
    }

    /// Ends a session.
    pub(crate) async fn end(&self, token: &str) {
        let was_there = self.lock().remove(token).is_some();
        if was_there {
            self.ended.send_replace(());
            self.save().await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, Session>> {
        self.all.locked()
    }

    async fn save(&self) {
        let Some(file) = &self.file else { return };
        let _saving = self.saving.lock().await;
        let text = serde_json::to_vec(&*self.lock()).unwrap_or_default();
        let path = file.clone();
        let write =
            move || replace(Content { path: &path, bytes: &text, secret: true, keep_old: false });
        let written = tokio::task::spawn_blocking(write).await.map_err(io::Error::other);
        if let Err(error) = written.flatten() {
            warn!(file = %file.display(), %error, "cannot write the sessions, logins end with the program");
        }
    }
}

impl std::fmt::Debug for Sessions {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sessions").field("count", &self.lock().len()).finish_non_exhaustive()
    }
}

fn now() -> u64 {
    millis(SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn read(file: &Path) -> HashMap<String, Session> {
    let text = match std::fs::read(file) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return HashMap::new(),
        Err(error) => {
            warn!(file = %file.display(), %error, "cannot read the sessions, all users have to log in again");
            return HashMap::new();
        }
    };
    serde_json::from_slice(&text).unwrap_or_else(|error| {
        warn!(file = %file.display(), %error, "cannot read the sessions, all users have to log in again");
        HashMap::new()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEEK: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    #[tokio::test]
    async fn sessions_outlive_a_restart_and_only_their_owner_can_read_them() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".sessions.json");
        let sessions = Sessions::open(Some(file.clone()), WEEK);
        let kept = sessions.begin("adam", "node-red-editor", Permissions::all()).await;
        let ended = sessions.begin("eve", "node-red-editor", Permissions::all()).await;
        sessions.end(&ended).await;

        let sessions = Sessions::open(Some(file.clone()), WEEK);
        assert_eq!(sessions.get(&kept).unwrap().user, "adam");
        assert_eq!(sessions.get(&ended), None);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            let mode = std::fs::metadata(&file).unwrap().permissions().mode();
            assert_eq!(mode & 0o777, 0o600);
        }
    }

    #[test]
    fn sessions_of_node_red_are_read_and_old_ones_are_over() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(".sessions.json");
        let session = |token: &str, expires: u64| {
            format!(
                r#""{token}":{{"user":"u","client":"node-red-editor","scope":["read"],"accessToken":"{token}","expires":{expires}}}"#
            )
        };
        let text = format!("{{{},{}}}", session("new", now() + 60_000), session("old", 1));
        std::fs::write(&file, text).unwrap();
        let sessions = Sessions::open(Some(file.clone()), WEEK);
        assert!(sessions.get("new").unwrap().scope.allow("flows.read"));
        assert_eq!(sessions.get("old"), None);
        std::fs::write(&file, "{ broken").unwrap();
        assert_eq!(Sessions::open(Some(file), WEEK).get("new"), None);
    }

    #[tokio::test]
    async fn the_end_of_a_session_is_told() {
        let sessions = Sessions::open(None, WEEK);
        let token = sessions.begin("eve", "node-red-admin", Permissions::all()).await;
        let ended = sessions.ended();
        sessions.end("unknown").await;
        assert!(!ended.has_changed().unwrap());
        sessions.end(&token).await;
        assert!(ended.has_changed().unwrap());
    }
}
