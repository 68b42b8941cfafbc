//! The editor and its API: built from the settings and added to the routes.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use ferrowire_admin::{Admin, Auth, Comms, Guard, answers, respond};
use ferrowire_engine::Engine;
use ferrowire_http::{AdminRoutes, Gate, Layer, Page, Registration, Routes, Turn};

use crate::settings::{Settings, table};

/// The authentication of the admin API.
pub(crate) fn auth(settings: &Settings, named: &[PathBuf]) -> Arc<Auth> {
    let guard = Guard::new(settings.listen, settings.editor_hosts.clone());
    let sessions = user_dir(settings, named).join(".sessions.json");
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
                "" => None,
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

fn user_dir(settings: &Settings, named: &[PathBuf]) -> PathBuf {
    let folder = named.first().and_then(|path| path.parent()).unwrap_or(Path::new(""));
    settings.get(&table::USER_DIR).unwrap_or_else(|| folder.to_owned())
}

/// The admin API over the engine and the user directory.
///
/// # Errors
/// If a flow file cannot be read.
pub(crate) fn prepare(
    engine: Engine,
    auth: Arc<Auth>,
    settings: &Settings,
    named: &[PathBuf],
) -> anyhow::Result<Arc<Admin>> {
    for path in named {
        std::fs::metadata(path)
            .with_context(|| format!("cannot read the flow file `{}`", path.display()))?;
    }
    let user_dir = user_dir(settings, named);
    let flow_files = match named {
        [] => vec![user_dir.join("flows.json")],
        named => named.to_vec(),
    };
    let settings = ferrowire_admin::AdminSettings {
        admin_root: settings.http_admin_root.clone().unwrap_or_default(),
        node_root: settings.http_node_root.clone(),
        user_dir,
        flow_files,
        flow_file_pretty: settings.get(&table::FLOW_FILE_PRETTY),
        credential_secret: settings.credential_secret.clone(),
        max_body: settings.get(&table::API_MAX_LENGTH),
        runtime_state: settings.get(&table::RUNTIME_STATE),
        editor: !settings.get(&table::NO_EDITOR),
    };
    Ok(Admin::new(engine, settings, auth))
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
    // Registered before any flow starts, so that no listener can use the path.
    let comms = routes.add_upgrade(&format!("{root}/comms"), Arc::new(comms.clone()))?;
    registrations.push(comms);
    if !root.is_empty() {
        registrations.push(routes.add_page(root, page())?);
    }
    Ok(registrations)
}
