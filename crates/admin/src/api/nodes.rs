//! `/nodes` and `/plugins`: the palette as the editor loads it. Packages can be installed, removed and
//! disabled through the API, native types cannot.

use std::sync::Arc;

use ferrowire_core::bus::run_aside;
use ferrowire_core::{Map, Value};
use futures_util::future::BoxFuture;
use hyper::StatusCode;

use crate::Reply;
use crate::call::Call;
use crate::editor::node_set::NodeSet;
use crate::editor::palette::Palette;

/// All node sets: a list, or their HTML.
pub(crate) fn list(call: Call) -> BoxFuture<'static, Reply> {
    Box::pin(async move {
        let (admin, language) = (&call.admin, call.language());
        let sets = run_aside(|| &admin.palette().sets);
        if call.accepts_json() {
            let mut all: Vec<Value> = sets.iter().map(NodeSet::describe).collect();
            let hosted = admin.ask_packages("sets", []).await;
            all.extend(hosted.iter().filter_map(Value::as_array).flatten().cloned());
            return Reply::json(all);
        }
        let mut html: String =
            sets.iter().map(|set| format!("\n{}", set.page(&language))).collect();
        let hosted = admin.ask_packages("html", [("lang", &language)]).await;
        html.extend(hosted.as_ref().and_then(Value::as_str));
        Reply::html(html)
    })
}

/// A module, a node set, or the texts of a namespace.
pub(crate) fn get(call: Call) -> BoxFuture<'static, Reply> {
    Box::pin(async move {
        let name = decoded(call.param(0).trim_end_matches('/'));
        if let Some(found) = run_aside(|| native(&call, &name)) {
            return found;
        }
        hosted(&call, &name).await.unwrap_or_else(|| Reply::missing(missing(&name)))
    })
}

fn native(call: &Call, name: &str) -> Option<Reply> {
    let palette = call.admin.palette();
    if let Some(set) = palette.set(name) {
        return Some(match call.accepts_json() {
            true => Reply::json(set.describe()),
            false => Reply::html(set.page(&call.language())),
        });
    }
    let namespace = name.strip_suffix("/messages");
    if let Some(texts) = namespace.and_then(|id| palette.texts(id, &call.queried_language())) {
        return Some(Reply::json(texts));
    }
    describe_module(palette, name).map(Reply::json)
}

/// The same of packages.
async fn hosted(call: &Call, name: &str) -> Option<Reply> {
    let admin = &call.admin;
    if let Some(module) = name.strip_suffix("/messages") {
        let language = call.queried_language();
        let asked = admin.ask_packages("catalog", [("module", module), ("lang", &language)]);
        return asked.await.map(Reply::json);
    }
    let sets = admin.ask_packages("sets", []).await?;
    let sets = sets.as_array().unwrap_or_default();
    let text = |set: &Value, key| set.get(key).and_then(Value::as_str).map(str::to_owned);
    if let Some(set) = sets.iter().find(|set| text(set, "id").as_deref() == Some(name)) {
        if call.accepts_json() {
            return Some(Reply::json(set.clone()));
        }
        let language = call.language();
        let html = admin.ask_packages("setHtml", [("id", name), ("lang", &language)]).await?;
        return html.as_str().map(|html| Reply::html(html.to_owned()));
    }
    let is_module = sets.iter().any(|set| text(set, "module").as_deref() == Some(name));
    let asked = is_module.then(|| admin.ask_packages("module", [("module", name)]))?;
    asked.await.map(Reply::json)
}

/// The decoded path: the slash in a scoped name may be encoded.
fn decoded(path: &str) -> String {
    percent_encoding::percent_decode_str(path).decode_utf8_lossy().into_owned()
}

fn missing(name: &str) -> &'static str {
    let parts = name.trim_start_matches('@').split('/').count();
    if parts > usize::from(name.starts_with('@')) + 1 {
        "Node not found"
    } else {
        "Module not found"
    }
}

fn describe_module(palette: &Palette, name: &str) -> Option<Value> {
    let sets: Vec<_> = palette.module(name).collect();
    let version = &sets.first()?.version;
    let map: Map = [
        ("name", Value::from(name)),
        ("version", version.as_str().into()),
        ("local", false.into()),
        ("user", false.into()),
        ("nodes", sets.iter().map(|set| set.describe()).collect::<Vec<_>>().into()),
        ("plugins", Vec::<Value>::new().into()),
    ]
    .into_iter()
    .collect();
    Some(map.into())
}

/// The texts of crates and packages, by namespace.
pub(crate) fn messages(call: Call) -> BoxFuture<'static, Reply> {
    Box::pin(async move {
        let language = call.queried_language();
        let catalogs = run_aside(|| call.admin.palette()).catalogs().iter();
        let catalogs = catalogs.map(|(name, texts)| (name.as_str(), texts.texts(&language)));
        let mut all: Map = catalogs.collect();
        let hosted = call.admin.ask_packages("catalogs", [("lang", &language)]).await;
        add_missing(&mut all, hosted.as_ref());
        Reply::json(all)
    })
}

/// Adds what packages have, unless the runtime has it itself.
pub(crate) fn add_missing(into: &mut Map, hosted: Option<&Value>) {
    for (key, value) in hosted.and_then(Value::as_object).into_iter().flat_map(|it| it.iter()) {
        if !into.contains_key(key) {
            into.insert(key.clone(), value.clone());
        }
    }
}

/// Installs a module.
pub(crate) fn install(call: Call) -> BoxFuture<'static, Reply> {
    Box::pin(async move {
        let wanted = call.json();
        let text = |key| wanted.get(key).and_then(Value::as_str).filter(|text| !text.is_empty());
        let Some(module) = text("module") else { return invalid() };
        let mut args = Map::from_iter([("module", module)]);
        for key in ["version", "url"] {
            text(key).into_iter().for_each(|text| drop(args.insert(key, text)));
        }
        changed(&call, "install", args).await
    })
}

/// Enables or disables a module or a node set.
pub(crate) fn change(call: Call) -> BoxFuture<'static, Reply> {
    Box::pin(async move {
        let wanted = call.json().get("enabled").and_then(Value::as_bool);
        let name = decoded(call.param(0).trim_end_matches('/'));
        let Some(enabled) = wanted else { return invalid() };
        let found = run_aside(|| {
            let palette = call.admin.palette();
            let set = palette.set(&name).map(|set| set.describe());
            set.or_else(|| describe_module(palette, &name))
        });
        match (enabled, found) {
            (true, Some(found)) => return Reply::json(found),
            (false, Some(_)) => return not_here(),
            (_, None) => {}
        }
        let Some(is_set) = kind_of(&call, &name).await else {
            // Node-RED answers 400 here, not 404.
            return Reply::error(StatusCode::BAD_REQUEST, "not_found", missing(&name));
        };
        let (question, key) = if is_set { ("enableSet", "id") } else { ("enableModule", "module") };
        let args = Map::from_iter([(key, Value::from(name)), ("enabled", enabled.into())]);
        changed(&call, question, args).await
    })
}

/// Removes a module.
pub(crate) fn remove(call: Call) -> BoxFuture<'static, Reply> {
    Box::pin(async move {
        let name = decoded(call.param(0).trim_end_matches('/'));
        if run_aside(|| call.admin.palette().module(&name).next().is_some()) {
            return not_here();
        }
        if kind_of(&call, &name).await != Some(false) {
            return Reply::missing(missing(&name));
        }
        let reply = changed(&call, "remove", Map::from_iter([("module", name)])).await;
        if reply.status == StatusCode::OK { Reply::no_content() } else { reply }
    })
}

/// Whether packages have a node set of that name, rather than a module; `None` if neither.
async fn kind_of(call: &Call, name: &str) -> Option<bool> {
    let sets = call.admin.ask_packages("sets", []).await?;
    let has = |key: &str| {
        let mut sets = sets.as_array().into_iter().flatten();
        sets.any(|set| set.get(key).and_then(Value::as_str) == Some(name))
    };
    if has("id") { Some(true) } else { has("module").then_some(false) }
}

/// Changes the packages, and what depends on them. Goes on if the client disconnects.
async fn changed(call: &Call, question: &'static str, args: Map) -> Reply {
    let Some(packages) = call.admin.packages() else { return not_here() };
    if !packages.can_change() {
        let text = "packages cannot be changed here; the setting `palette-install` allows it";
        return Reply::error(StatusCode::FORBIDDEN, "forbidden", text);
    }
    let packages = Arc::clone(packages);
    let work = async move {
        match packages.ask(question, args).await {
            Ok(answer) => {
                packages.changed().await;
                Reply::json(answer)
            }
            Err(error) => error.into_reply(),
        }
    };
    let done = call.admin.tasks.spawn(work).await;
    done.unwrap_or_else(|_| Reply::status(StatusCode::INTERNAL_SERVER_ERROR))
}

fn invalid() -> Reply {
    Reply::error(StatusCode::BAD_REQUEST, "invalid_request", "Invalid request")
}

fn not_here() -> Reply {
    let text = "node types cannot be changed here: assemble a runtime with other plugins";
    Reply::unexpected(text)
}

/// The editor plugins of packages.
pub(crate) fn plugins(call: Call) -> BoxFuture<'static, Reply> {
    Box::pin(async move {
        if call.accepts_json() {
            let list = call.admin.ask_packages("plugins", []).await;
            return Reply::json(list.unwrap_or_else(|| Vec::<Value>::new().into()));
        }
        let html = call.admin.ask_packages("pluginHtml", [("lang", &call.language())]).await;
        Reply::html(html.as_ref().and_then(Value::as_str).unwrap_or_default().to_owned())
    })
}

/// Their texts.
pub(crate) fn plugin_messages(call: Call) -> BoxFuture<'static, Reply> {
    Box::pin(async move {
        let language = call.queried_language();
        let texts = call.admin.ask_packages("pluginCatalogs", [("lang", &language)]).await;
        Reply::json(texts.unwrap_or_else(|| Map::new().into()))
    })
}

/// The ports of `udp in` nodes while none runs: the nodes have the route otherwise, and their dialog asks.
pub(crate) fn no_ports(_: &Call) -> Reply {
    Reply::json(Vec::<Value>::new())
}
