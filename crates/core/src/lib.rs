//! The contract between Ferrowire and its nodes, and the bus that carries their messages.
//!
//! A node crate depends on the facade `ferrowire`, which re-exports this crate. It implements
//! [`Node`] (or [`ExclusiveNode`]) and [`FromConfig`] and registers a [`NodeType`].
//!
//! This crate opens no socket, reads no file, evaluates no expression, and spawns only the tasks
//! passed to [`NodeContext::spawn`].

// In reading order.
mod lock;
mod text;
mod big_int;
mod date;
mod value;
mod map;
mod equal;
mod unopened;
mod message;
mod json;
mod parse;
mod plain;
pub mod javascript;
mod print;
mod property;
mod store;
mod error;
mod config;
mod node;
mod sending;
mod status;
mod host;
mod context;
pub mod cluster;
pub mod language;
pub mod port;
mod editor;
pub mod metric;
pub mod trace;
mod node_type;
mod user;
mod setting;
mod setup;
pub mod bus;

pub use async_trait::async_trait;
#[doc(hidden)]
pub use inventory as __inventory;
#[doc(hidden)]
pub use setting::DeclaredSetting as __DeclaredSetting;
#[doc(hidden)]
pub use setup::Setup as __Setup;

pub use big_int::BigInt;
pub use config::{ConfigProblem, FindNode, FromConfig, NodeConfig};
pub use context::{Level, NodeContext, NodeInfo};
pub use date::Date;
pub use editor::{Credential, Editor, EditorPart};
pub use error::NodeError;
pub use host::Host;
pub use lock::{MutexExt, RwLockExt};
pub use map::{Key, Map};
pub use message::{Message, generate_id};
pub use node::{EXCLUSIVE_QUEUE, ExclusiveNode, Handled, Node, StopReason};
#[doc(hidden)]
pub use node_type::Registered as __Registered;
pub use node_type::{
    BuildNode, BuiltNode, Duplicate, DuplicateType, Links, NodeType, PackageOf, Reference,
    Registry, Source, Watches,
};
pub use print::number_to_string;
pub use property::{CannotGet, CannotSet, InvalidProperty, PropertyPath};
pub use sending::Sending;
pub use setting::{
    InvalidSetting, NodeRedNames, RefusedSetting, Secret, Setting, SettingKind, SettingRecord,
    SettingRegistry, SettingType, SettingValue, SettingValues,
};
pub use setup::{SetupFailed, set_up};
pub use status::Status;
pub use store::{
    Atomic, Context, ContextKey, ContextPlace, ContextStore, ContextStores, MemoryStore, Scope,
    StoreUsage,
};
pub use text::{INLINE_LEN, Text};
pub use unopened::{Unopened, UnopenedTable};
pub use user::{User, Users};
pub use value::{MAX_JSON, Unprintable, Value};
