//! The machine that runs flows: Node-RED's flows.json, validated, wired, deployed, stopped.
//!
//! # Entry points
//!
//! - [`FlowFile::parse`] reads a flow file; [`check`] lists all its [`Problem`]s, starting nothing.
//! - [`Engine::builder`] takes the node types and the environment, and makes an [`Engine`]:
//!   [`start`](Engine::start), [`deploy`](Engine::deploy), [`stop`](Engine::stop), and
//!   [`events`](Engine::events) to watch.
//!
//! # The life of a flow file
//!
//! 1. `flow_file`: text becomes a list of node objects; nothing is lost, so that it can be
//!    written back.
//! 2. `subflow`, `model`: every instance of a subflow becomes nodes of its own; which object is a tab, a group, a node; which nodes are to run. Disabled nodes and
//!    those on disabled tabs are left out from here on, even when their type is missing.
//! 3. `env`: `${NAME}` in properties is replaced, seen from the node's group and tab.
//! 4. `validate`, `plan`: references, unique properties and types are checked; each node is
//!    built. A node with a mistake is left out, the others are not held up. Only a missing type
//!    keeps all of them from starting.
//! 5. `watch`: which nodes are told of the errors, statuses and completed messages of others.
//!    `graph`: wires that close a cycle and one in 64 of a chain get a queue; the order of the
//!    start follows from the wires.
//! 6. `diff`: at a deploy, which of the running nodes restart.
//! 7. `deploy`, `running`, `sequence`: the old nodes stop, sources first; the new ones start, sources last;
//!    those that stay have their wires exchanged.
//!
//! # What is not here
//!
//! No node type is named, apart from what gives a file its structure: tabs, groups, subflows (of
//! which `instance` provides the nodes), and
//! the `global-config` node that holds variables. No file is read, no socket opened, and the
//! environment of the process is what the builder is given.

mod builder;
mod deploy;
mod diff;
mod directory;
mod engine;
mod env;
mod env_host;
mod env_value;
mod environment;
mod flow_file;
mod graph;
mod instance;
mod model;
mod plan;
mod problem;
mod running;
mod sequence;
mod services;
mod subflow;
mod validate;
mod watch;

pub use builder::EngineBuilder;
pub use engine::{DeployType, Deployed, Engine, Interrupted, NotRunning};
pub use environment::Environment;
pub use flow_file::{FlowFile, FlowFileError};
pub use problem::{Place, Problem, Severity};
pub use services::{EVENTS, Event};
pub use validate::check;
