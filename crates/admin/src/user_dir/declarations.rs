//! `Declarations`: which properties of a node type are credentials.

use std::sync::Arc;

use ferrowire_core::{Credential, NodeType, Registry, Value};

use crate::{Admin, NodePackages};

/// Which properties of node types are credentials.
pub(crate) struct Declarations<'a> {
    pub(crate) registry: Arc<Registry>,
    packages: Option<&'a Arc<dyn NodePackages>>,
}

/// A property that is a credential.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) name: String,
    /// Whether the editor only learns if it is set.
    pub(crate) is_password: bool,
}

impl<'a> Declarations<'a> {
    /// Those of all types that `admin` knows.
    pub(crate) fn of(admin: &'a Admin) -> Self {
        Declarations { registry: admin.engine().registry(), packages: admin.packages() }
    }

    /// Those of a type; `None` if it is unknown, or its package has not been loaded.
    pub(crate) fn of_type(&self, node_type: &NodeType) -> Option<Vec<Declared>> {
        if node_type.is_hosted() {
            return self.packages?.credentials_of(node_type.name).map(|declared| read(&declared));
        }
        let native = node_type.credentials.iter().map(|credential| Declared {
            name: credential.name().to_owned(),
            is_password: matches!(credential, Credential::Password(_)),
        });
        Some(native.collect())
    }
}

/// The declaration of a package, such as `{"user": {"type": "text"}}`.
fn read(declared: &Value) -> Vec<Declared> {
    let declared = declared.as_object().into_iter().flat_map(|declared| declared.iter());
    let is_password = |it: &Value| it.get("type").and_then(Value::as_str) == Some("password");
    declared
        .map(|(name, it)| Declared { name: name.to_string(), is_password: is_password(it) })
        .collect()
}
