//! `ferrowire run`: the port and the flows, until a signal ends them.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Context;
use ferrowire_admin::{Admin, Comms};
use ferrowire_core::{ContextStores, Registry, StopReason};
use ferrowire_engine::{DeployType, Deployed, Engine, Environment};
use ferrowire_http::{Limits, NodePort, Routes, serve, server_config};
use tokio::net::TcpListener;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use crate::contexts::{self, Opened};
use crate::settings::{Settings, table};
use crate::signals::{self, Asked};
use crate::watchdog::Watchdog;
use crate::{admin, files, http_nodes, pages, process_env};

/// How many threads calls that take long may hold, and what else blocks. They are made when needed.
const MAX_BLOCKING: usize = 4096;

/// Runs flows until a signal ends them.
///
/// # Errors
/// If the start fails: an unreadable file, a port in use, an invalid certificate.
pub(crate) fn run(
    settings: Settings,
    registry: Registry,
    paths: &[PathBuf],
) -> anyhow::Result<ExitCode> {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = settings.get(&table::WORKERS) {
        builder.worker_threads(workers);
    }
    builder.max_blocking_threads(MAX_BLOCKING);
    let runtime = builder.enable_all().build().context("cannot start worker threads")?;
    let watchdog = Watchdog::start(runtime.handle().clone());
    let _watchdog = watchdog.context("cannot start the watchdog's thread")?;
    let asked = signals::watch(settings.get(&table::SHUTDOWN_TIMEOUT))?;
    let code = runtime.block_on(run_until_asked(settings, registry, paths, asked))?;
    // Threads that are blocked by a node's code do not delay the exit.
    runtime.shutdown_background();
    Ok(code)
}

async fn run_until_asked(
    settings: Settings,
    registry: Registry,
    paths: &[PathBuf],
    asked: Asked,
) -> anyhow::Result<ExitCode> {
    let tls = settings.tls.as_ref().map(server_config).transpose()?;
    let scheme = if tls.is_some() { "https" } else { "http" };
    let listener = TcpListener::bind(settings.listen).await.with_context(|| {
        format!("cannot listen on `{}`; choose another address with `--listen`", settings.listen)
    })?;
    let address = listener.local_addr().context("cannot read the address of the port")?;

    let routes = Routes::new();
    let Opened { stores, files } =
        contexts::open(&settings.contexts, settings.get(&table::USER_DIR).as_deref())?;
    let keep = CancellationToken::new();
    let mut writing = JoinSet::new();
    for file in files {
        writing.spawn(file.write_behind(keep.clone()));
    }
    let auth = admin::auth(&settings, paths);
    let admin_routes = admin::routes(&auth, &settings);
    let port = NodePort::new(routes.clone(), http_nodes::routes(&settings), admin_routes);
    let engine = engine(&settings, registry, port, stores);
    let stop = CancellationToken::new();
    let admin = admin::prepare(engine.clone(), auth, &settings, paths)?;
    let comms = Comms::start(&engine, Arc::clone(admin.auth()));
    let _admin = admin::serve_at(&routes, &admin, &comms, &settings)?;
    let of_folder = settings.http_static.clone();
    let _files = of_folder.map(|(folder, root)| files::serve_at(&routes, folder, &root));
    let _pages = pages::serve_at(&routes, &admin, &settings, &stop);
    // The port already accepts connections: clients wait until the flows have started, instead of
    // receiving a 404.
    tokio::select! {
        started = admin.start() => report(&started?),
        () = asked.stop.cancelled() => {}
    }
    info!("listening on {scheme}://{address}, test page at {scheme}://{address}/ferrowire/test");
    announce(&admin, &settings, &format!("{scheme}://{address}"));
    let limits = Limits {
        handshake: settings.get(&table::HANDSHAKE_TIMEOUT),
        drain: settings.get(&table::SHUTDOWN_TIMEOUT),
    };
    let server = serve(listener, tls, routes, limits, stop.clone());
    let mut server = std::pin::pin!(server);
    tokio::select! {
        () = asked.stop.cancelled() => {}
        () = reload_when_asked(&asked, &admin) => {}
        () = &mut server => {}
    }
    info!("stopping");
    stop.cancel();
    let all_stopped = async { tokio::join!(engine.stop(StopReason::ShuttingDown), server) };
    let limit = settings.get(&table::SHUTDOWN_TIMEOUT) + signals::GRACE;
    let code = match tokio::time::timeout(limit, all_stopped).await {
        Ok((stopped, ())) => stopped.map(|()| ExitCode::SUCCESS)?,
        Err(_) => signals::name_what_is_late(),
    };
    // Nodes may change context until they have stopped.
    keep.cancel();
    while let Some(written) = writing.join_next().await {
        written.context("the context was not written completely")?;
    }
    comms.stop().await;
    info!("stopped");
    Ok(code)
}

fn engine(
    settings: &Settings,
    registry: Registry,
    port: NodePort,
    contexts: Arc<ContextStores>,
) -> Engine {
    Engine::builder(registry)
        .environment(Environment::new(process_env))
        .settings(settings.for_nodes.clone())
        .port(Arc::new(port))
        .contexts(contexts)
        .stop_limit(settings.get(&table::SHUTDOWN_TIMEOUT))
        .build()
}

/// Logs the editor's URL, or why it is not served.
fn announce(admin: &Admin, settings: &Settings, port: &str) {
    match &settings.http_admin_root {
        Some(root) if admin.serves_editor() => info!("editor at {port}{root}/"),
        Some(_) if admin.lacks_editor() && !settings.get(&table::NO_EDITOR) => info!(
            "headless: this program was built without the editor; run `cargo xtask editor` \
             and build again to include it"
        ),
        _ => {}
    }
    if admin.settings().flow_files.len() > 1 && settings.http_admin_root.is_some() {
        info!("flows from several files run read-only; the editor cannot deploy to them");
    }
}

/// Logs the consequences of the problems that the engine has logged.
fn report(deployed: &Deployed) {
    if !deployed.running {
        error!("the flows do not run: add plugins for the missing types, or delete their nodes");
    }
}

/// Deploys the files again whenever that is asked for; never ends.
async fn reload_when_asked(asked: &Asked, admin: &Arc<Admin>) {
    loop {
        asked.reload.notified().await;
        reload(admin).await;
    }
}

/// Deploys the flow files again. Unchanged nodes keep running, with their connections.
async fn reload(admin: &Arc<Admin>) {
    match admin.reload(DeployType::Nodes).await {
        Ok(deployed) => {
            report(&deployed);
            info!("deployed the flow files again");
        }
        Err(error) => error!("the running flows were not changed: {error}"),
    }
}
