//! Node-RED's admin HTTP API over the engine: the Node-RED editor, unmodified, the palette, and
//! the user directory with flows, credentials, settings and library.
//!
//! [`Admin`] holds all of it; [`respond`] answers one request.

// In reading order: what there is, a request's way, what it can ask for.
mod admin;
mod auth;
mod auth_guard;
mod auth_hash;
mod auth_login;
mod auth_permissions;
mod auth_sessions;
mod auth_throttle;
mod node_set;
mod pack;
#[cfg_attr(not(test), expect(dead_code, reason = "the build script writes packs"))]
mod pack_format;
mod palette;

mod call;
mod reply;
mod respond;
mod routes;

mod actions;
mod context;
mod credentials_api;
mod deploy;
mod diagnostics;
mod flow_api;
mod flows_api;
mod icons;
mod library;
mod locales;
mod nodes_api;
mod page;
mod settings_api;
mod statics;

mod comms;
mod comms_events;
mod comms_hub;
mod comms_queue;
mod comms_session;
mod debug_encode;

mod cipher;
mod credentials;
mod files;
mod pretty;
mod storage;

pub use admin::{Admin, CredentialSecret, Settings, Unusable};
pub use auth::{Auth, AuthConfig, StaticToken, User, UserConfig, authorize};
pub use auth_guard::Guard;
pub use auth_hash::{NoHash, hash_password, is_password_hash};
pub use auth_permissions::Permissions;
pub use comms::Comms;
pub use debug_encode::{Encoded, MAX_LENGTH, encode};
pub use deploy::NotDeployed;
pub use reply::Reply;
pub use respond::{answers, respond};
