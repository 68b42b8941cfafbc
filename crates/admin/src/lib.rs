//! Node-RED's admin HTTP API over the engine: the unmodified Node-RED editor, the palette, and the
//! user directory with flows, credentials, settings and library.
//!
//! [`Admin`] is the state of the API; [`respond`] answers one request.

// In reading order: the state, how a request is handled, its handlers.
mod admin;
mod audit;
mod auth;

mod call;
mod reply;
mod respond;
mod routes;

mod api;
mod comms;
mod editor;
mod flows_state;
mod packages;
mod save_and_run;
mod shared_flows;
mod user_dir;

// Dates as text.
#[cfg(test)]
use ferrowire_languages as _;

pub use admin::{Admin, AdminSettings, CredentialSecret, Unusable, WhyStopped};
pub use audit::TARGET as AUDIT;
pub use auth::{
    Auth, AuthConfig, Guard, NoHash, Permissions, StaticToken, Throttle, User, UserConfig,
    authorize, hash_password, is_password_hash,
};
pub use comms::{Comms, Encoded, MAX_LENGTH, encode};
pub use packages::{NoAnswer, NodePackages};
pub use reply::Reply;
pub use respond::{answers, respond};
pub use save_and_run::NotDeployed;
pub use shared_flows::{BEHIND, REVISION, SharedFlows};
pub use user_dir::{StoredCredentials, stored_credentials};
