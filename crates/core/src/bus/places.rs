//! Where a node's context is kept: the store, and the place in it.

use std::borrow::Cow;

use super::Outlet;
use crate::store::NamedStore;
use crate::{ContextPlace, Level, NodeError, NodeInfo, PropertyPath, Scope};

impl Outlet {
    pub(super) fn store(&self, name: &str) -> &NamedStore {
        let warn = |text: &str| self.services.log(&self.info, Level::Warn, format_args!("{text}"));
        self.services.contexts().get(name, warn)
    }

    pub(super) fn own_place(&self, scope: Scope) -> Result<Cow<'_, str>, NodeError> {
        let NodeInfo { id, alias, flow, .. } = &*self.info;
        Ok(match scope {
            Scope::Global => ContextPlace::Global.text(),
            Scope::Flow if flow.is_empty() => {
                return Err(NodeError::new("a global configuration node has no flow context"));
            }
            Scope::Flow => flow.into(),
            Scope::Node => {
                let id = if alias.is_empty() { id } else { alias };
                ContextPlace::Node { id, flow }.text()
            }
        })
    }

    /// Resolves leading `$parent`s of `path`: the place, and the rest of the path. `None` outside a
    /// tab.
    pub(super) fn place(
        &self,
        scope: Scope,
        path: &PropertyPath,
    ) -> Result<Option<Place<'_>>, NodeError> {
        let mut place = self.own_place(scope)?;
        if scope != Scope::Flow || path.first() != PARENT {
            return Ok(Some((place, None)));
        }
        let mut path = path.clone();
        while path.first() == PARENT {
            let (Some(parent), Some(rest)) =
                (self.services.parent_flow(&place), path.below(PARENT))
            else {
                return Ok(None);
            };
            (place, path) = (parent.into(), rest);
        }
        Ok(Some((place, Some(path))))
    }
}

/// The key prefix for the enclosing flow.
const PARENT: &str = "$parent";

pub(super) type Place<'a> = (Cow<'a, str>, Option<PropertyPath>);
