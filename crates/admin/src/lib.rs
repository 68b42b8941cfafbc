//! Node-RED's editor and admin API over the engine.

mod auth;
mod auth_guard;
mod auth_login;
mod auth_permissions;
mod auth_sessions;
mod auth_throttle;
mod comms;
mod comms_events;
mod comms_hub;
mod comms_queue;
mod comms_session;
mod debug_encode;

pub use auth::{Auth, AuthConfig, StaticToken, User, UserConfig};
pub use auth_guard::Guard;
pub use auth_permissions::Permissions;
pub use comms::Comms;
pub use debug_encode::{Encoded, MAX_LENGTH, encode};
