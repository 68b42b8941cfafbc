//! `/icons`: icons of nodes.

use ferrowire_core::bus::run_aside;
use ferrowire_core::{Map, Value};
use futures_util::future::BoxFuture;
use hyper::StatusCode;
use hyper::header::CACHE_CONTROL;

use crate::Reply;
use crate::api::nodes::add_missing;
use crate::call::Call;
use crate::editor::{resources, statics};

const NODE_RED: &str = "nodes/icons/";
const DEFAULT: &str = "public/red/images/icons/arrow-in.svg";

/// All icons by module. The editor ignores icons that are not listed.
pub(crate) fn list(call: Call) -> BoxFuture<'static, Reply> {
    Box::pin(async move {
        let mut modules = run_aside(|| native(&call));
        add_missing(&mut modules, call.admin.ask_packages("icons", []).await.as_ref());
        Reply::json(modules)
    })
}

fn native(call: &Call) -> Map {
    let names: Vec<Value> =
        call.admin.pack().below(NODE_RED).map(|(name, _)| name.into()).collect();
    let mut modules = Map::new();
    modules.insert("node-red", names);
    for (module, icons) in call.admin.palette().icons() {
        let names: Vec<Value> = icons.iter().map(|(name, _)| (*name).into()).collect();
        modules.insert(*module, names);
    }
    modules
}

/// One icon: the module's, or else Node-RED's of that name, or else the arrow.
pub(crate) fn get(call: Call) -> BoxFuture<'static, Reply> {
    Box::pin(async move {
        let Some((name, module)) = call.params.split_last() else { return no_icon() };
        let module = module.join("/");
        if name.contains("..") || module.contains("..") {
            return Reply::unexpected("Error");
        }
        let is_native = run_aside(|| {
            module == "node-red" || call.admin.palette().icons().contains_key(module.as_str())
        });
        if !is_native {
            let asked =
                call.admin.ask_loaded_packages("icon", [("module", &module), ("icon", name)]);
            let path = asked.await;
            if let Some(icon) = resources::read(path.as_ref()).await {
                return icon;
            }
        }
        run_aside(|| own_icon(&call, name, &module))
    })
}

fn own_icon(call: &Call, name: &str, module: &str) -> Reply {
    let own = call.admin.palette().icons().get(module).into_iter().flatten();
    if let Some((_, bytes)) = own.into_iter().find(|(icon, _)| *icon == name) {
        let reply = Reply::new(StatusCode::OK, statics::media_type(name), *bytes);
        return reply.with(CACHE_CONTROL, "public, max-age=0");
    }
    let pack = call.admin.pack();
    match (pack.get(&format!("{NODE_RED}{name}")), pack.get(DEFAULT)) {
        (Some(icon), _) => statics::send(icon, name, &call.parts),
        (None, Some(arrow)) => statics::send(arrow, DEFAULT, &call.parts),
        (None, None) => no_icon(),
    }
}

fn no_icon() -> Reply {
    Reply::status(StatusCode::NOT_FOUND)
}
