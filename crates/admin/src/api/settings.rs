//! `/settings`: the settings of the runtime for the editor, and the editor's settings of a user.

use ferrowire_core::bus::run_aside;
use ferrowire_core::{Map, Value};
use futures_util::future::BoxFuture;
use serde_json::json;

use crate::api::nodes::add_missing;
use crate::call::Call;
use crate::editor::locales;
use crate::{Admin, CredentialSecret, Reply, User};

/// The list of packages that the editor searches: Node-RED's own.
const CATALOGUE: &str = "https://catalogue.nodered.org/catalogue.json";

/// The settings of the runtime, and those of packages.
pub(crate) fn get(call: Call) -> BoxFuture<'static, Reply> {
    Box::pin(async move {
        let mut settings = run_aside(|| for_editor(&call.admin, call.user.as_ref()));
        if let Some(settings) = settings.as_object_mut() {
            add_missing(settings, call.admin.ask_packages("settings", []).await.as_ref());
        }
        Reply::json(settings)
    })
}

fn for_editor(admin: &Admin, user: Option<&User>) -> Value {
    let settings = admin.settings();
    let stores: Vec<&str> = admin.engine().contexts().names().collect();
    let encryption = match settings.credential_secret {
        CredentialSecret::Generated => "system",
        CredentialSecret::Given(_) => "user",
        CredentialSecret::Off => "disabled",
    };
    let can_install = admin.packages().is_some_and(|packages| packages.can_change());
    let catalogues = if can_install { vec![CATALOGUE] } else { Vec::new() };
    let mut value = Value::from(json!({
        "httpNodeRoot": format!("{}/", settings.node_root),
        "version": admin.palette().editor_version(),
        "context": {"default": stores.first(), "stores": stores},
        "codeEditor": {"lib": "monaco", "options": {}},
        "markdownEditor": {"mermaid": {"enabled": true}},
        "libraries": [{
            "id": "local",
            "label": "editor:library.types.local",
            "user": false,
            "icon": "font-awesome/fa-hdd-o",
        }],
        "flowFilePretty": settings.flow_file_pretty,
        "flowEncryptionType": encryption,
        "telemetryEnabled": false,
        "externalModules": {"palette": {"allowInstall": can_install, "allowUpload": false}},
        "diagnostics": {"enabled": true, "ui": true},
        "runtimeState": {"enabled": settings.runtime_state, "ui": settings.runtime_state},
        "functionExternalModules": true,
        "functionTimeout": 0,
        "tlsConfigDisableLocalFiles": false,
    }));
    let mut theme = Map::new();
    theme.insert("palette", Value::from(json!({"catalogues": catalogues})));
    theme.insert("projects", Value::from(json!({"enabled": false})));
    theme.insert("multiplayer", Value::from(json!({"enabled": false})));
    theme.insert("tours", false);
    // The editor's menu leads to the test page.
    let test_page = json!({"label": "WebSocket test page", "url": "/ferrowire/test"});
    theme.insert("menu", Value::from(json!({"menu-item-help": test_page})));
    theme.insert("languages", locales::languages(admin.pack()));
    if let Some(map) = value.as_object_mut() {
        map.insert("editorTheme", theme);
        if let Some(user) = user {
            map.insert("user", user.for_editor());
        }
    }
    value
}

/// The editor's settings of the user.
pub(crate) fn get_user(call: &Call) -> Reply {
    match call.admin.storage().users() {
        Ok(users) => {
            let settings = users.get(owner(call)).and_then(Value::as_object).cloned();
            Reply::json(settings.unwrap_or_default())
        }
        Err(error) => Reply::unexpected(&error.to_string()),
    }
}

/// Changes the editor's settings of the user.
pub(crate) fn set_user(call: &Call) -> Reply {
    let Value::Object(mut changes) = call.json() else { return Reply::no_content() };
    // This runtime sends no telemetry.
    std::sync::Arc::make_mut(&mut changes).remove("telemetryEnabled");
    let change = |users: &mut Map| {
        let settings = users.get_or_insert_with(owner(call), || Map::new().into());
        if settings.as_object().is_none() {
            *settings = Map::new().into();
        }
        if let Some(settings) = settings.as_object_mut() {
            merge(settings, &changes);
        }
    };
    match call.admin.storage().change_users(change) {
        Ok(()) => Reply::no_content(),
        Err(error) => Reply::unexpected(&error.to_string()),
    }
}

/// The key of the user's settings; `_` without a login, as in Node-RED.
fn owner(call: &Call) -> &str {
    call.user.as_ref().map_or("_", |user| user.key())
}

/// Merges settings: objects are merged, `null` deletes, every other value replaces the old one.
fn merge(into: &mut Map, changes: &Map) {
    for (key, value) in changes.iter() {
        match value {
            Value::Null => drop(into.remove(key)),
            Value::Object(changes) => {
                let inner = into.get_or_insert_with(key, || Map::new().into());
                if inner.as_object().is_none() {
                    *inner = Map::new().into();
                }
                if let Some(inner) = inner.as_object_mut() {
                    merge(inner, changes);
                }
            }
            other => drop(into.insert(key.clone(), other.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn settings_of_a_user_are_merged() {
        let map = |text: &str| serde_json::from_str::<Map>(text).unwrap();
        let mut settings = map(r#"{"a":{"b":1,"c":2},"d":[1,2],"e":"x"}"#);
        merge(&mut settings, &map(r#"{"a":{"b":null,"f":true},"d":[3],"e":null,"g":{"h":{}}}"#));
        assert_eq!(
            Value::from(settings).to_json(),
            r#"{"a":{"c":2,"f":true},"d":[3],"g":{"h":{}}}"#
        );
    }
}
