//! `Permissions`: the scopes of a user, as in Node-RED.

use serde::{Deserialize, Serialize};

/// One scope such as `*`, `read` or `flows.write`, or a list of them.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub enum Permissions {
    /// One scope.
    One(String),
    /// Everything that one of the scopes allows.
    Many(Vec<String>),
}

impl Permissions {
    /// Everything.
    pub fn all() -> Self {
        Permissions::One("*".to_owned())
    }

    /// Whether a scope covers `permission`, such as `flows.read`.
    pub fn allow(&self, permission: &str) -> bool {
        self.scopes().iter().any(|scope| allows(scope, permission))
    }

    /// Whether the scopes cover all scopes of `others`.
    pub fn allow_all_of(&self, others: &Permissions) -> bool {
        others.scopes().iter().all(|scope| self.allow(scope))
    }

    /// The scopes, one by one.
    pub fn scopes(&self) -> &[String] {
        match self {
            Permissions::One(scope) => std::slice::from_ref(scope),
            Permissions::Many(scopes) => scopes,
        }
    }

    /// The first invalid scope, such as `reed`, which would silently allow nothing.
    pub fn unknown_scope(&self) -> Option<&str> {
        let known = |scope: &str| {
            matches!(scope, "*" | "read" | "write")
                || scope.rsplit_once('.').is_some_and(|(area, right)| {
                    !area.is_empty() && matches!(right, "read" | "write")
                })
        };
        self.scopes().iter().map(String::as_str).find(|scope| !known(scope))
    }
}

fn allows(scope: &str, permission: &str) -> bool {
    let ends_with = |right: &str| {
        permission == right
            || permission
                .strip_suffix(right)
                .and_then(|area| area.strip_suffix('.'))
                .is_some_and(|area| !area.is_empty())
    };
    match scope {
        "*" => true,
        "read" | "*.read" => ends_with("read"),
        "write" | "*.write" => ends_with("write"),
        scope => scope == permission,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(scope: &str) -> Permissions {
        Permissions::One(scope.to_owned())
    }

    #[test]
    fn scopes_allow_what_they_do_in_node_red() {
        assert!(one("*").allow("flows.write"));
        assert!(one("read").allow("flows.read"));
        assert!(one("*.read").allow("context.read"));
        assert!(!one("read").allow("flows.write"));
        assert!(!one("read").allow("bread"));
        assert!(!one("read").allow(".read"));
        assert!(one("write").allow("inject.write"));
        assert!(one("flows.read").allow("flows.read"));
        assert!(!one("flows.read").allow("nodes.read"));
        assert!(!one("").allow("flows.read"));
        let many = Permissions::Many(vec!["read".to_owned(), "inject.write".to_owned()]);
        assert!(many.allow("inject.write") && !many.allow("flows.write"));
        assert!(!Permissions::Many(Vec::new()).allow("flows.read"));
    }

    #[test]
    fn a_login_cannot_ask_for_more_than_the_user_has() {
        assert!(one("*").allow_all_of(&one("read")));
        assert!(one("read").allow_all_of(&one("flows.read")));
        assert!(!one("read").allow_all_of(&one("*")));
        assert!(!one("flows.read").allow_all_of(&one("read")));
    }

    #[test]
    fn misspelt_scopes_are_found() {
        assert_eq!(one("reed").unknown_scope(), Some("reed"));
        assert_eq!(one(".read").unknown_scope(), Some(".read"));
        assert_eq!(one("udp-ports.read").unknown_scope(), None);
    }
}
