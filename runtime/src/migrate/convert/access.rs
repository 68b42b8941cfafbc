//! Logins: `adminAuth` and `httpNodeAuth`.

use super::Converter;
use crate::migrate::found::Found;

const ADMIN: &str = "adminAuth";
const NODES: &str = "httpNodeAuth";

impl Converter<'_> {
    pub(super) fn admin_auth(&mut self, value: &Found) {
        self.is_locked = true;
        let kind = value.get("type").map_or(Some("credentials"), Found::text);
        if value.members().is_none() || kind != Some("credentials") {
            return self.left(
                ADMIN,
                &format!("it is {} of another kind than `credentials`, which is not supported; write users into `admin-auth`", value.describe()),
            );
        }
        let mut table = toml::Table::new();
        for (name, value) in value.members().unwrap_or_default() {
            match (name.as_str(), value) {
                ("type", _) | (_, Found::Null) => {}
                ("users", _) => self.users(value, &mut table),
                ("default", _) => self.default_permissions(value, &mut table),
                ("sessionExpiryTime", Found::Number(seconds)) => {
                    table.insert("session-expiry".to_owned(), (*seconds as i64).into());
                }
                _ => self.left(
                    &format!("{ADMIN}.{name}"),
                    &format!("{} cannot decide who may use the editor; write users or tokens into `admin-auth`", value.describe()),
                ),
            }
        }
        // Without anybody who may use the editor, there is nothing to be written.
        if table.contains_key("users") || table.contains_key("default-permissions") {
            self.take(ADMIN, [("admin-auth", table.into())]);
        }
    }

    fn users(&mut self, value: &Found, table: &mut toml::Table) {
        let key = format!("{ADMIN}.users");
        let Found::List(users) = value else {
            return self.left(
                &key,
                &format!(
                    "expected a list, found {}; write the users into `admin-auth.users`",
                    value.describe()
                ),
            );
        };
        let mut taken = Vec::new();
        for (index, user) in users.iter().enumerate() {
            match self.user(user) {
                Ok(user) => taken.push(user),
                Err(reason) => self.left(&format!("{key}[{index}]"), &reason),
            }
        }
        if !taken.is_empty() {
            table.insert("users".to_owned(), taken.into());
        }
    }

    /// A user, if the setting takes it alone.
    fn user(&self, user: &Found) -> Result<toml::Value, String> {
        let mut table = toml::Table::new();
        for name in ["username", "password", "permissions"] {
            let value = user.get(name).ok_or_else(|| format!("the user has no `{name}`"))?;
            let value = value.to_toml().map_err(|reason| format!("`{name}`: {reason}"))?;
            table.insert(name.to_owned(), value);
        }
        let user = toml::Value::Table(table);
        let mut alone = toml::Table::new();
        alone.insert("users".to_owned(), vec![user.clone()].into());
        let mut settings = toml::Table::new();
        settings.insert("admin-auth".to_owned(), alone.into());
        self.check(&settings).map(|()| user)
    }

    fn default_permissions(&mut self, value: &Found, table: &mut toml::Table) {
        match value.get("permissions").map(Found::to_toml) {
            Some(Ok(permissions)) => {
                table.insert("default-permissions".to_owned(), permissions);
            }
            _ => self.left(
                &format!("{ADMIN}.default"),
                &format!(
                    "expected `permissions`, found {}; those who have not logged in have none",
                    value.describe()
                ),
            ),
        }
    }

    pub(super) fn http_node_auth(&mut self, value: &Found) {
        let member = |name: &str| Some((name.to_owned(), value.get(name)?.to_toml().ok()?));
        let table: toml::Table = [member("user"), member("pass")].into_iter().flatten().collect();
        self.take(NODES, [("http-node-auth", table.into())]);
        if !self.converted.table.contains_key("http-node-auth") {
            self.unprotected.push(NODES.to_owned());
        }
    }
}
