//! The editor and its API: built from the settings and added to the routes.

use std::sync::Arc;

use ferrowire_admin::{Admin, Auth, Comms, Guard, answers, respond};
use ferrowire_engine::Engine;
use ferrowire_http::{AdminRoutes, Gate, Layer, Page, Registration, Routes, Turn};

use crate::flows::Places;
use crate::npm_nodes::NpmNodes;
use crate::settings::{Settings, table};

/// The authentication of the admin API.
pub(crate) fn auth(settings: &Settings, places: &Places) -> Arc<Auth> {
    let guard = Guard::new(settings.listen, settings.editor_hosts.clone());
    let sessions = places.user_dir.join(".sessions.json");
    Arc::new(Auth::new(settings.admin_auth.clone(), guard, Some(sessions)))
}

/// The routes that nodes add to the admin API; `None` without the API.
pub(crate) fn routes(auth: &Arc<Auth>, settings: &Settings) -> Option<AdminRoutes> {
    let root = settings.http_admin_root.clone()?;
    let auth = Arc::clone(auth);
    let gate = move |permission: &str| -> Gate {
        let (auth, permission) = (Arc::clone(&auth), permission.to_owned());
        Arc::new(move |head, _| {
            let refusal = match permission.as_str() {
                "" => auth.guard(&head).err(),
                permission => auth.authorize(&head, permission).err(),
            };
            let passed = match refusal {
                None => Ok(()),
                Some(reply) => Err(reply.into_response(&head)),
            };
            Box::pin(std::future::ready(passed))
        })
    };
    Some(AdminRoutes { root, gate: Arc::new(gate) })
}

/// The admin API over the engine and the user directory.
pub(crate) fn prepare(
    engine: Engine,
    auth: Arc<Auth>,
    settings: &Settings,
    places: &Places,
    npm_nodes: Option<Arc<NpmNodes>>,
) -> Arc<Admin> {
    let settings = ferrowire_admin::AdminSettings {
        admin_root: settings.http_admin_root.clone().unwrap_or_default(),
        node_root: settings.http_node_root.clone(),
        user_dir: places.user_dir.clone(),
        flow_files: places.flow_files.clone(),
        flow_file_pretty: settings.get(&table::FLOW_FILE_PRETTY),
        credential_secret: settings.credential_secret.clone(),
        max_body: settings.get(&table::API_MAX_LENGTH),
        runtime_state: settings.get(&table::RUNTIME_STATE),
        safe_mode: settings.get(&table::SAFE),
        editor: !settings.get(&table::NO_EDITOR),
    };
    Admin::new(engine, settings, auth, npm_nodes.map(|nodes| nodes as _))
}

/// Adds the API to the routes, while the registrations exist.
pub(crate) fn serve_at(
    routes: &Routes,
    admin: &Arc<Admin>,
    comms: &Comms,
    settings: &Settings,
) -> anyhow::Result<Vec<Registration>> {
    let Some(root) = &settings.http_admin_root else { return Ok(Vec::new()) };
    let page = || -> Page {
        let admin = Arc::clone(admin);
        Arc::new(move |request, peer| Box::pin(respond(Arc::clone(&admin), request, peer)))
    };
    // Flows' pages have lower precedence than the API, but higher than the API's 404.
    let (editor, api) = (Arc::clone(admin), page());
    let (layer, _) = routes.add_layer(Layer {
        turn: Turn::Runtime,
        below: format!("{root}/"),
        what: String::new(),
        who: String::new(),
        find: Arc::new(move |request| answers(&editor, request).then(|| Arc::clone(&api))),
    });
    let mut registrations = vec![layer, routes.add_pages_below(&format!("{root}/"), page())?];
    // Registered before any flow starts, so that no listener can use the path. Other requests for it
    // get the API's 404, as in Node-RED.
    let path = format!("{root}/comms");
    registrations.push(routes.add_upgrade(&path, Arc::new(comms.clone()))?);
    registrations.push(routes.add_page(&path, page())?);
    if !root.is_empty() {
        registrations.push(routes.add_page(root, page())?);
    }
    Ok(registrations)
}
