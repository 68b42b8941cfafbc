//! `details` of a client: what its handshake said, as properties of `msg._session`.

use std::time::{SystemTime, UNIX_EPOCH};

use ferrowire_core::{Key, Map, Value};

use crate::client::dial::Opened;
use crate::client::url::Url;

/// The path without the query, which may hold a token; the agreed subprotocol; the time.
pub(crate) fn details(url: &Url, opened: &Opened) -> Map {
    let path = url.target.split('?').next().unwrap_or_default();
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Map::from_iter([
        (Key::new_static("path"), Value::from(path)),
        (Key::new_static("protocol"), opened.protocol.clone().unwrap_or_default().into()),
        (Key::new_static("since"), (since.as_millis() as f64).into()),
    ])
}
