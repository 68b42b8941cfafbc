//! The contract between Ferrowire and its nodes.
//!
//! A node crate depends on this crate and on nothing else of Ferrowire's. It implements
//! [`Node`] (or [`ExclusiveNode`]) and [`FromConfig`], and [`register!`]s a [`NodeType`].
//!
//! This crate opens no socket, reads no file, and spawns only what is asked of
//! [`NodeContext::spawn`].

// In reading order.
mod text;
mod value;
mod map;
mod message;
mod json;
mod print;
mod property;
mod error;
mod config;
mod typed;
mod node;
mod context;
mod node_type;
pub mod bus;

pub use async_trait::async_trait;
#[doc(hidden)]
pub use inventory as __inventory;

pub use config::{ConfigProblem, FindNode, FromConfig, NodeConfig};
pub use context::{Host, Level, NodeContext, NodeInfo, Sending, Status};
pub use error::NodeError;
pub use map::{Key, Map};
pub use message::{Message, generate_id};
pub use node::{EXCLUSIVE_QUEUE, ExclusiveNode, Handled, Node, StopReason};
pub use node_type::{BuiltNode, DuplicateType, Endpoint, NodeType, Reference, Registry};
pub use print::number_to_string;
pub use property::{CannotGet, CannotSet, InvalidProperty, PropertyPath};
pub use text::{INLINE_LEN, Text};
pub use typed::{InvalidTyped, TypedValue};
pub use value::Value;
