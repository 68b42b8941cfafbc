//! The contract between Ferrowire and its nodes.
//!
//! A node crate depends on this crate and on nothing else of Ferrowire's. It implements
//! [`Node`] (or [`ExclusiveNode`]) and [`FromConfig`], and [`register!`]s a [`NodeType`]; the
//! [guide] goes through it step by step.
//!
//! This crate opens no socket, reads no file, and spawns only what is asked of
//! [`NodeContext::spawn`].

// In reading order; `abi`, which carries all of it across to shared libraries, comes last.
mod text;
mod value;
mod map;
mod message;
mod json;
mod parse;
mod plain;
pub mod javascript;
pub mod mustache;
pub mod regexp;
mod print;
mod property;
mod store;
mod error;
mod config;
mod typed;
mod node;
mod context;
mod alarm;
mod sequences;
pub mod jsonata;
mod editor;
mod node_type;
mod setting;
mod setup;
pub mod bus;
pub mod guide;

#[expect(unsafe_code, reason = "the border to shared libraries is C")]
pub mod abi;

pub use async_trait::async_trait;
#[doc(hidden)]
pub use inventory as __inventory;
#[doc(hidden)]
pub use setting::DeclaredSetting as __DeclaredSetting;
#[doc(hidden)]
pub use setup::Setup as __Setup;

pub use alarm::Alarm;
pub use config::{ConfigProblem, FindNode, FromConfig, NodeConfig};
pub use context::{Host, Level, NodeContext, NodeInfo, Sending, Status};
pub use editor::{Credential, Editor, EditorPart};
pub use error::NodeError;
pub use jsonata::{InvalidJsonata, Jsonata};
pub use map::{Key, Map};
pub use message::{Message, generate_id};
pub use node::{EXCLUSIVE_QUEUE, ExclusiveNode, Handled, Node, StopReason};
#[doc(hidden)]
pub use node_type::Registered as __Registered;
pub use node_type::{
    BuildNode, BuiltNode, DuplicateType, Endpoint, Links, NodeType, Reference, Registry, Source,
    Watches,
};
pub use print::number_to_string;
pub use property::{CannotGet, CannotSet, InvalidProperty, PropertyPath};
pub use sequences::{Sequence, Sequences, made_room};
pub use setting::{
    DuplicateSetting, InvalidSetting, Secret, Setting, SettingKind, SettingRecord, SettingRegistry,
    SettingType, SettingValue, SettingValues,
};
pub use setup::{SetupFailed, set_up};
pub use store::{Context, ContextKey, ContextStore, ContextStores, MemoryStore, Scope};
pub use text::{INLINE_LEN, Text};
pub use typed::{InvalidTyped, TypedValue};
pub use value::Value;
