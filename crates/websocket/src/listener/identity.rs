//! `Identity`: what a handshake has verified of its client.

use std::time::SystemTime;

use ferrowire_core::{Text, Value};

/// Who a client is. The default is an anonymous client.
#[derive(Clone, Debug, Default)]
pub(crate) struct Identity {
    /// The verified name; a user may have several sessions.
    pub(crate) user: Option<Text>,
    /// What the token says of the user.
    pub(crate) claims: Option<Value>,
    /// When the token expires, and the session with it.
    pub(crate) expires: Option<SystemTime>,
    /// The rooms that the session joins at once.
    pub(crate) rooms: Vec<Text>,
}
