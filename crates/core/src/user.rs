//! `User`: a node that refers to a configuration node, as seen by the configuration node.

use std::sync::Arc;

use crate::{Map, NodeInfo, Text};

/// A running node that refers to a configuration node.
#[derive(Clone, Debug, PartialEq)]
pub struct User {
    /// The user.
    pub info: Arc<NodeInfo>,
    /// The properties of the user that name the configuration node, such as `broker`.
    pub references: Vec<Text>,
    /// All properties of the user, with environment variables replaced and without credentials.
    pub properties: Arc<Map>,
}

impl User {
    /// A user without properties.
    pub fn named(info: NodeInfo) -> Self {
        User { info: Arc::new(info), references: Vec::new(), properties: Arc::default() }
    }
}

/// The users of a configuration node, in the order of the flow file.
pub type Users = Arc<[User]>;
