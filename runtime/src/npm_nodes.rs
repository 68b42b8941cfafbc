//! The nodes of npm packages: found in the user directory, run by Node.js, and shown in the editor.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ferrowire_admin::{Admin, Auth, Comms, NoAnswer, NodePackages};
use ferrowire_core::{ContextStores, Map, Registry, Value, async_trait};
use ferrowire_engine::{Companion, DeployType, Engine};
use ferrowire_hosted::{
    Access, Allowed, CallError, Hosted, Options, Pace, Packages, Proxy, Refused, Told,
};
use ferrowire_http::{Layer, Page, Registration, Request, Routes, Turn};

use crate::flows::Places;
use crate::settings::{Settings, table};
use crate::{http_nodes, process_env};

ferrowire::metrics!(
    ferrowire_hosted::metrics::RUNNING,
    ferrowire_hosted::metrics::STARTS,
    ferrowire_hosted::metrics::MEMORY,
    ferrowire_hosted::metrics::LOST_TO,
    ferrowire_hosted::metrics::LOST_FROM,
);

/// The nodes of npm packages.
#[derive(Debug)]
pub(crate) struct NpmNodes {
    hosted: Arc<Hosted>,
    user_dir: PathBuf,
    node_js: PathBuf,
    can_install: bool,
    comms: Arc<OnceLock<Comms>>,
    engine: OnceLock<Engine>,
}

impl NpmNodes {
    /// Finds the packages and adds their types; `None` if they are switched off.
    pub(crate) fn prepare(
        settings: &Settings,
        places: &Places,
        registry: &mut Registry,
        stores: &Arc<ContextStores>,
        address: SocketAddr,
    ) -> Option<Arc<Self>> {
        if settings.get(&table::NO_NPM_NODES) {
            return None;
        }
        let (user_dir, node_js) = (absolute(&places.user_dir), node_js(settings));
        registry.set_package_of(ferrowire_hosted::package_of);
        let packages = find(&user_dir, &node_js, registry);
        let comms: Arc<OnceLock<Comms>> = Arc::default();
        let tell = {
            let comms = Arc::clone(&comms);
            Arc::new(move |told| comms.get().into_iter().for_each(|comms| publish(comms, &told)))
        };
        let is_local = settings.listen.ip().is_loopback();
        let can_install = settings.get(&table::PALETTE_INSTALL).unwrap_or(is_local);
        let options = Options {
            node_js: node_js.clone(),
            user_dir: user_dir.clone(),
            memory: settings.get(&table::NODE_JS_MEMORY),
            settings: for_node_red(settings, address, can_install),
            stop_limit: settings.get(&table::SHUTDOWN_TIMEOUT),
            pace: Pace::default(),
        };
        let hosted = Hosted::new(packages, registry, options, Arc::clone(stores), tell);
        Some(Arc::new(NpmNodes {
            hosted: Arc::new(hosted),
            user_dir,
            node_js,
            can_install,
            comms,
            engine: OnceLock::new(),
        }))
    }

    /// Sets the engine that knows the types, and where editors get what the nodes publish.
    pub(crate) fn connect(&self, admin: &Admin, comms: &Comms) {
        self.comms.get_or_init(|| comms.clone());
        self.engine.get_or_init(|| admin.engine().clone());
    }

    /// Passes requests on to the routes of the packages.
    pub(crate) fn proxy(&self, auth: &Arc<Auth>, settings: &Settings) -> Proxy {
        self.hosted.proxy(access(auth, settings))
    }

    /// Serves the routes of the packages, behind all others, while the registrations exist.
    pub(crate) fn serve(routes: &Routes, proxy: &Proxy) -> [Registration; 2] {
        let upgrades = routes.add_other_upgrades(Arc::new(proxy.clone()));
        let (page, proxy) = (page(proxy), proxy.clone());
        let find = move |_: &Request| proxy.is_ready().then(|| Arc::clone(&page));
        let (pages, _) = routes.add_layer(Layer {
            turn: Turn::Last,
            below: "/".to_owned(),
            what: String::new(),
            who: String::new(),
            find: Arc::new(find),
        });
        [upgrades, pages]
    }

    /// Loads the version of a package that was installed, and has editors do the same. `before` is what
    /// Node-RED says of the package.
    async fn load_anew(&self, before: &Value) -> Result<Value, CallError> {
        self.hosted.restart();
        let module = before.get("name").cloned().unwrap_or_default();
        let now = self.hosted.call("module", Map::from_iter([("module", module)]).into()).await?;
        for (id, module) in [("node/removed", before), ("node/added", &now)] {
            let payload = module.get("nodes").cloned().unwrap_or_default();
            self.tell(&Told::Event { id: id.to_owned(), payload });
        }
        Ok(now)
    }

    fn tell(&self, told: &Told) {
        self.comms.get().into_iter().for_each(|comms| publish(comms, told));
    }

    /// What runs the nodes for the engine.
    pub(crate) fn companion(&self) -> Arc<dyn Companion> {
        Arc::clone(&self.hosted) as _
    }
}

#[async_trait]
impl NodePackages for NpmNodes {
    async fn ask(&self, question: &'static str, args: Map) -> Result<Value, NoAnswer> {
        let answer = self.hosted.call(question, args.into()).await.map_err(no_answer)?;
        // Node-RED installs another version of what it has loaded, and loads that with its next start.
        match answer.get("pending_version") {
            Some(Value::String(_)) => self.load_anew(&answer).await.map_err(no_answer),
            _ => Ok(answer),
        }
    }

    fn are_there(&self) -> bool {
        self.hosted.has_packages()
    }

    fn are_loaded(&self) -> bool {
        self.hosted.is_ready()
    }

    fn can_change(&self) -> bool {
        self.can_install
    }

    fn describe(&self) -> Map {
        self.hosted.describe()
    }

    fn credentials_of(&self, node_type: &str) -> Option<Value> {
        self.hosted.credentials_of(node_type)
    }

    async fn changed(&self) {
        let Some(engine) = self.engine.get() else { return };
        let mut registry = Registry::clone(&engine.registry());
        let packages = find(&self.user_dir, &self.node_js, &registry);
        self.hosted.replace_types(packages, &mut registry);
        engine.set_registry(registry);
        if let Err(error) = self.hosted.learn_credentials().await {
            tracing::warn!("the credentials of new types are not known: {error}");
        }
        // Flows that waited for a type start, and those that lack one now stop.
        if let Err(error) = engine.deploy(engine.flows(), DeployType::Nodes).await {
            tracing::error!("the flows were not deployed again: {error}");
        }
    }
}

fn no_answer(error: CallError) -> NoAnswer {
    match error {
        CallError::Refused(Refused { text, status }) => NoAnswer { text, status },
        CallError::NotRunning(_) => NoAnswer { text: error.to_string(), status: None },
    }
}

/// Adds the types of the packages in `user_dir`, for commands that run no flows. Returns why they do not
/// run, if they do not.
pub(crate) fn add_types(
    settings: &Settings,
    user_dir: &Path,
    registry: &mut Registry,
) -> Option<String> {
    if settings.get(&table::NO_NPM_NODES) {
        return None;
    }
    registry.set_package_of(ferrowire_hosted::package_of);
    let user_dir = absolute(user_dir);
    let packages = find(&user_dir, &node_js(settings), registry);
    ferrowire_hosted::add_types(&packages, registry);
    (!packages.has_runtime()).then(|| packages.missing_runtime(&user_dir))
}

fn find(user_dir: &Path, node_js: &Path, registry: &Registry) -> Packages {
    let is_native = |name: &str| registry.get(name).is_some_and(|known| !known.is_hosted());
    Packages::find(user_dir, node_js, &is_native)
}

/// What the packages respond; 404 if they are not loaded.
pub(crate) fn page(proxy: &Proxy) -> Page {
    let proxy = proxy.clone();
    Arc::new(move |request, client| {
        let proxy = proxy.clone();
        Box::pin(async move { proxy.respond(request, client).await })
    })
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

/// The settings of Node-RED that are not the user's.
fn for_node_red(settings: &Settings, address: SocketAddr, can_install: bool) -> Map {
    let root = |root: &Option<String>| match root {
        Some(root) => Value::from(format!("{root}/")),
        None => false.into(),
    };
    Map::from_iter([
        ("httpAdminRoot", root(&settings.http_admin_root)),
        ("httpNodeRoot", root(&Some(settings.http_node_root.clone()))),
        ("uiHost", address.ip().to_string().into()),
        ("uiPort", f64::from(address.port()).into()),
        ("https", settings.tls.is_some().into()),
        ("canInstall", can_install.into()),
    ])
}

/// The program of Node.js: a path, or a name that is looked for as a shell does.
fn node_js(settings: &Settings) -> PathBuf {
    let named = settings.get(&table::NODE_JS);
    if named.components().count() > 1 {
        return absolute(&named);
    }
    let path = process_env("PATH").unwrap_or_default();
    let mut found = std::env::split_paths(&path).map(|folder| folder.join(&named));
    found.find(|program| program.is_file()).unwrap_or(named)
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
