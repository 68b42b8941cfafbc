//! Runs Node-RED's flow files: parses, checks, wires, starts, deploys and stops them.
//!
//! # Entry points
//!
//! - [`FlowFile::parse`] reads a flow file; [`check`] lists all its [`Problem`]s and starts nothing.
//! - [`Engine::builder`] takes the node types and the environment, and builds an [`Engine`]:
//!   [`start`](Engine::start), [`deploy`](Engine::deploy) and [`stop`](Engine::stop) run flows,
//!   [`events`](Engine::events) watches them.
//!
//! # The life of a flow file
//!
//! 1. `flow_file`: text becomes a list of node objects. Nothing is lost, so it can be written back.
//! 2. `subflow`, `model`: each instance of a subflow gets nodes of its own; objects are sorted into
//!    tabs, groups and nodes. Disabled nodes and nodes on disabled tabs are left out from here on,
//!    even if their type is missing.
//! 3. `env`: `${NAME}` in properties is replaced by the value that the node's group, tab or
//!    environment has.
//! 4. `validate`, `draft`: references, unique properties and types are checked. Only a missing type
//!    prevents all nodes from starting.
//! 5. `restart`: at a deploy, which nodes go on, which restart, and why. The latter and new ones are
//!    built, and become the `plan` with those that go on. A node with a mistake is left out.
//! 6. `watch`: which catch, status and complete nodes watch which nodes. `graph`: which wires get a
//!    queue, and in which order nodes start.
//! 7. `running` carries the decision out: old nodes stop, sources first (`start_stop`); new nodes
//!    start, sources last; kept nodes get their new wires. `deploy` calls all of these steps, and then
//!    the `companion`, which runs the nodes of hosted types.
//!
//! # What is not here
//!
//! No node type is named, except those that give a file its structure: tabs, groups, subflows
//! (`instance` has the nodes for these) and the `global-config` node with the variables of all
//! flows. No file is read and no socket opened. The environment of the process is what the builder
//! is given.

mod builder;
mod claims;
mod companion;
mod deploy;
mod directory;
mod draft;
mod engine;
mod env;
mod environment;
mod flow_file;
mod graph;
mod instance;
pub mod metrics;
mod model;
mod plan;
mod problem;
mod restart;
mod running;
mod services;
mod start_stop;
mod subflow;
mod traffic;
mod validate;
mod watch;

pub use builder::EngineBuilder;
pub use companion::{Companion, HostedFlows};
pub use engine::{DeployType, Deployed, Engine, Interrupted, NotRunning};
pub use environment::Environment;
pub use flow_file::{FlowFile, FlowFileError};
pub use problem::{Place, Problem, Severity};
pub use services::{EVENTS, Event};
pub use traffic::{GLOBAL, MAX_FLOWS, OTHER_FLOWS, TrafficReadings, tab_of};
pub use validate::check;
