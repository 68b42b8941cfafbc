//! The nodes of npm packages: found in the user directory, and run by Node.js.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ferrowire_admin::{Auth, Comms};
use ferrowire_core::{ContextStores, Map, Registry, Value};
use ferrowire_engine::Companion;
use ferrowire_hosted::{Access, Allowed, Hosted, Options, Packages, Told};
use ferrowire_http::{Layer, Page, Registration, Request, Routes, Turn};

use crate::flows::Places;
use crate::settings::{Settings, table};
use crate::{http_nodes, process_env};

/// The nodes of npm packages.
pub(crate) struct NpmNodes {
    hosted: Arc<Hosted>,
    comms: Arc<OnceLock<Comms>>,
}

impl NpmNodes {
    /// Finds the packages and adds their types; `None` if there are none.
    pub(crate) fn prepare(
        settings: &Settings,
        places: &Places,
        registry: &mut Registry,
        stores: &Arc<ContextStores>,
        address: SocketAddr,
    ) -> Option<Self> {
        let packages = find(settings, &places.user_dir, registry)?;
        let comms: Arc<OnceLock<Comms>> = Arc::default();
        let tell = {
            let comms = Arc::clone(&comms);
            Arc::new(move |told| comms.get().into_iter().for_each(|comms| publish(comms, &told)))
        };
        let options = options(settings, places, address);
        let hosted = Hosted::new(packages, registry, options, Arc::clone(stores), tell);
        Some(NpmNodes { hosted: Arc::new(hosted), comms })
    }

    /// Sets where editors get what the nodes publish.
    pub(crate) fn tell(&self, comms: Comms) {
        // There is one connection to editors.
        let _again = self.comms.set(comms);
    }

    /// Serves the routes of the packages, behind all others, while the registrations exist.
    pub(crate) fn serve(
        &self,
        routes: &Routes,
        auth: &Arc<Auth>,
        settings: &Settings,
    ) -> anyhow::Result<[Registration; 2]> {
        let proxy = self.hosted.proxy(access(auth, settings));
        let upgrades = routes.add_upgrade("/*", Arc::new(proxy.clone()))?;
        let page: Page = {
            let proxy = proxy.clone();
            Arc::new(move |request, client| {
                let proxy = proxy.clone();
                Box::pin(async move { proxy.respond(request, client).await })
            })
        };
        let find = move |_: &Request| proxy.is_ready().then(|| Arc::clone(&page));
        let (pages, _) = routes.add_layer(Layer {
            turn: Turn::Last,
            below: "/".to_owned(),
            what: String::new(),
            who: String::new(),
            find: Arc::new(find),
        });
        Ok([upgrades, pages])
    }

    /// What runs the nodes for the engine.
    pub(crate) fn companion(&self) -> Arc<dyn Companion> {
        Arc::clone(&self.hosted) as _
    }
}

/// Adds the types of the packages in `user_dir`, for commands that run no flows.
pub(crate) fn add_types(settings: &Settings, user_dir: &Path, registry: &mut Registry) {
    if let Some(packages) = find(settings, user_dir, registry) {
        ferrowire_hosted::add_types(&packages, registry);
    }
}

/// What requests may do: in the admin API what their user may, and in flows what `http-node-auth` says.
fn access(auth: &Arc<Auth>, settings: &Settings) -> Access {
    let (auth, gate) = (Arc::clone(auth), http_nodes::routes(settings).gate);
    Arc::new(move |head, client| {
        let scopes = auth.scopes(&head);
        let passed = gate.as_ref().map(|gate| gate(head, client));
        Box::pin(async move {
            let flows = match passed {
                Some(passed) => passed.await.is_ok(),
                None => true,
            };
            Allowed { scopes, flows }
        })
    })
}

fn find(settings: &Settings, user_dir: &Path, registry: &Registry) -> Option<Packages> {
    if settings.get(&table::NO_NPM_NODES) {
        return None;
    }
    let is_native = |name: &str| registry.get(name).is_some();
    let packages = Packages::find(&absolute(user_dir), &node_js(settings), &is_native);
    (!packages.sets.is_empty()).then_some(packages)
}

fn options(settings: &Settings, places: &Places, address: SocketAddr) -> Options {
    let root = |root: &Option<String>| match root {
        Some(root) => Value::from(format!("{root}/")),
        None => false.into(),
    };
    let for_node_red = Map::from_iter([
        ("httpAdminRoot", root(&settings.http_admin_root)),
        ("httpNodeRoot", root(&Some(settings.http_node_root.clone()))),
        ("uiHost", address.ip().to_string().into()),
        ("uiPort", f64::from(address.port()).into()),
        ("https", settings.tls.is_some().into()),
    ]);
    Options {
        node_js: node_js(settings),
        user_dir: absolute(&places.user_dir),
        settings: for_node_red,
        stop_limit: settings.get(&table::SHUTDOWN_TIMEOUT),
    }
}

/// The program of Node.js: a path, or a name that is looked for as a shell does.
fn node_js(settings: &Settings) -> PathBuf {
    let named = settings.get(&table::NODE_JS);
    if named.components().count() > 1 {
        return absolute(&named);
    }
    let path = process_env("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path).map(|folder| folder.join(&named));
    found.into_iter().find(|program| program.is_file()).unwrap_or(named)
}

/// The working directory of Node.js is another one.
fn absolute(path: &Path) -> PathBuf {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    path.canonicalize().unwrap_or_else(|_| path.to_owned())
}

fn publish(comms: &Comms, told: &Told) {
    let json = |value: &Value| serde_json::to_value(value).unwrap_or_default();
    match told {
        Told::Comms { topic, data, retain: true } => comms.publish_retained(topic, &json(data)),
        Told::Comms { topic, data, retain: false } => comms.publish(topic, &json(data)),
        Told::Event { id, payload } => comms.publish(&format!("notification/{id}"), &json(payload)),
    }
}
