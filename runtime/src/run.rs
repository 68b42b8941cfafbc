//! `ferrowire run`: the port and the flows, until a signal ends them.

use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Error};
use ferrowire_admin::{Admin, Auth, Comms};
use ferrowire_core::cluster::Cluster;
use ferrowire_core::trace::Tracer;
use ferrowire_core::{ContextStores, Registry, StopReason};
use ferrowire_engine::{DeployType, Deployed, Engine, Environment, Severity};
use ferrowire_http::{Ending, Limits, NodePort, Registration, Routes, ServerTls, serve};
use ferrowire_websocket::Backlog;
use futures_util::FutureExt as _;
use tokio::net::{TcpListener, UnixStream};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::contexts::{self, Writing};
use crate::drain::{Drain, Server};
use crate::flows::Places;
use crate::health::{Health, Phase};
use crate::instance::Instance;
use crate::logging::filter;
use crate::npm_nodes::NpmNodes;
use crate::operation::{Alone, Operation};
use crate::settings::{Settings, settings_js, table};
use crate::shared_flows::{self, Following};
use crate::signals::{self, Asked};
use crate::systemd::{self, State, Systemd};
use crate::traces::Traces;
use crate::watchdog::Watchdog;
use crate::{Again, admin, cluster, files, http_nodes, npm_nodes, pages, process_env, upgrade};

/// How many threads calls that take long may hold, and what else blocks. They are made when needed.
const MAX_BLOCKING: usize = 4096;

/// How often the files of the certificate are looked at.
const CERTIFICATE_PERIOD: Duration = Duration::from_secs(5);

/// Runs flows until a signal ends them.
///
/// # Errors
/// If the start fails: an unreadable file, a port in use, an invalid certificate.
pub(crate) fn run(
    settings: Settings,
    registry: Registry,
    (named, again): (&[PathBuf], &Again<'_>),
) -> anyhow::Result<ExitCode> {
    if let Some(notice) = ferrowire_zone::local().notice() {
        warn!("{notice}");
    }
    let places = Places::find(named, &settings)?;
    warn_of_settings_js(&settings, &places);
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    if let Some(workers) = settings.get(&table::WORKERS) {
        builder.worker_threads(workers);
    }
    builder.max_blocking_threads(MAX_BLOCKING);
    let runtime = builder.enable_all().build().context("cannot start worker threads")?;
    let watchdog = Watchdog::start(runtime.handle().clone());
    let _watchdog = watchdog.context("cannot start the watchdog's thread")?;
    if let Some(bytes) = settings.get(&table::MAX_QUEUE_TOTAL) {
        Backlog::of_process().set_limit(bytes);
    }
    let stop = settings.get(&table::SHUTDOWN_TIMEOUT);
    let limits = signals::Limits { drain: Drain::of(&settings).longest(), stop };
    let asked = signals::watch(limits)?;
    let port = match runtime.block_on(port_in_turn(&settings, &registry, &places, &asked))? {
        Turn::Now(port) => port,
        Turn::Never => return Ok(ExitCode::SUCCESS),
    };
    let run = run_until_asked((settings, port), registry, &places, (asked, again));
    let (code, successor) = runtime.block_on(run)?;
    // Threads that are blocked by a node's code do not delay the exit.
    runtime.shutdown_background();
    // Its stream ends with the process, not before.
    std::mem::forget(successor);
    Ok(code)
}

/// Whether the program may begin.
enum Turn {
    /// With this port, if one was passed.
    Now(Option<std::net::TcpListener>),
    /// It was asked to end before.
    Never,
}

/// Waits for the end of the process that this one replaces, if there is one.
async fn port_in_turn(
    settings: &Settings,
    registry: &Registry,
    places: &Places,
    asked: &Asked,
) -> anyhow::Result<Turn> {
    let passed = systemd::passed(settings.listen.ip())?;
    if let Some(predecessor) = passed.predecessor {
        upgrade::prepare(settings, registry.clone(), places)?;
        if !predecessor.wait_for_end(&asked.stop).await? {
            return Ok(Turn::Never);
        }
    }
    Ok(Turn::Now(passed.socket))
}

/// Also returns the stream at whose end a new process begins, if there is one.
async fn run_until_asked(
    (settings, passed): (Settings, Option<std::net::TcpListener>),
    mut registry: Registry,
    places: &Places,
    (asked, again): (Asked, &Again<'_>),
) -> anyhow::Result<(ExitCode, Option<UnixStream>)> {
    let _instance = Instance::begin(&settings, places)?;
    let tls = settings.tls.clone().map(ServerTls::load).transpose()?;
    let (listener, address) = listen(&settings, passed).await?;
    let socket = listener.as_fd().try_clone_to_owned().context("cannot keep the port")?;
    let cluster = cluster::join(&settings).await?;
    let (stores, contexts) = contexts::begin(&settings, cluster.services().as_ref()).await?;
    let routes = Routes::new();
    let auth = admin::auth(&settings, places);
    let port = node_port(&routes, &auth, &settings);
    let npm_nodes = NpmNodes::prepare(&settings, places, &mut registry, &stores, address);
    let traces = Traces::begin(&settings)?;
    let services = Services::new((port, stores), &cluster, traces.as_ref());
    let engine = engine(&settings, registry, services, npm_nodes.as_deref());
    let proxy = npm_nodes.as_ref().map(|nodes| nodes.proxy(&auth, &settings));
    let admin = admin::prepare(engine.clone(), auth, &settings, places, npm_nodes.clone());
    shared_flows::share(&admin, cluster.services().as_ref(), &settings)?;
    let comms = Comms::start(&admin);
    npm_nodes.iter().for_each(|nodes| nodes.connect(&admin, &comms));
    let (stop, health) = (CancellationToken::new(), Health::new(&admin));
    let operation = Operation::new(&admin, health.clone());
    let mut registered = admin::serve_at(&routes, &admin, &comms, &settings)?;
    registered.extend(files::serve(&routes, &settings, proxy.as_ref().map(npm_nodes::page)));
    registered.extend(proxy.iter().flat_map(|proxy| NpmNodes::serve(&routes, proxy)));
    registered.extend(serve_pages(&routes, &admin, &settings, (&operation, &stop)));
    let alone = operation.serve_alone(&settings).await?;
    let systemd = Systemd::start(process_env("NOTIFY_SOCKET").is_some(), health.clone())?;
    // The port already accepts connections: clients wait until the flows have started, instead of
    // receiving a 404.
    let held = routes.hold();
    let ending = Ending::from(stop.clone());
    let serving = serve(listener, tls.clone(), routes, limits(&settings), ending.clone());
    let mut server: Server = serving.boxed().shared();
    tokio::select! {
        started = admin.start() => report(&started?, &admin),
        () = asked.stop.cancelled() => {}
        () = &mut server => {}
    }
    let following = Following::begin(&admin, &comms);
    health.enter(Phase::Running);
    drop(held);
    systemd.enter(State::Ready);
    announce(&admin, &settings, address);
    let successor = tokio::select! {
        () = asked.stop.cancelled() => None,
        () = reload_when_asked((&asked, again), (&admin, &systemd), tls) => None,
        successor = upgrade::when_asked(&asked, &again.file, &socket) => Some(successor),
        () = &mut server => None,
    };
    // Connections wait only if another process has the port.
    drop(socket);
    health.enter(Phase::Draining);
    let limit = settings.get(&table::SHUTDOWN_TIMEOUT);
    let drain = drain(&settings, (&systemd, limit), successor.is_some());
    drain.run(&engine, (&server, &ending), &asked).await;
    stop.cancel();
    following.end().await;
    let (code, left) = stop_all(&engine, server, limit).await?;
    Rest { cluster, contexts, comms, alone, registered, traces }.end(left).await?;
    let begins = upgrade::leave_to(successor, &asked).await;
    info!("stopped");
    Ok((code, begins))
}

/// What ends after the nodes.
struct Rest {
    cluster: cluster::Joined,
    contexts: Writing,
    comms: Comms,
    alone: Alone,
    registered: Vec<Registration>,
    traces: Option<Traces>,
}

impl Rest {
    /// `left` is what nodes have left of the time for the stop.
    async fn end(self, left: Duration) -> anyhow::Result<()> {
        // Nodes may change context until they have stopped.
        self.contexts.end().await?;
        self.cluster.leave().await;
        self.comms.stop().await;
        if let Some(traces) = self.traces {
            traces.end(left).await;
        }
        self.alone.end().await;
        drop(self.registered);
        Ok(())
    }
}

/// How clients are let go. systemd hears of a stop, which an upgrade is not.
fn drain(settings: &Settings, (systemd, limit): (&Systemd, Duration), upgrades: bool) -> Drain {
    if upgrades {
        info!("stopping, a new process goes on");
        return Drain::at_once();
    }
    let drain = Drain::of(settings);
    info!("stopping");
    systemd.enter(State::Stopping(drain.with_stop(limit)));
    drain
}

/// Adds the pages of the runtime itself.
fn serve_pages(
    routes: &Routes,
    admin: &Arc<Admin>,
    settings: &Settings,
    (operation, stop): (&Operation, &CancellationToken),
) -> Vec<Registration> {
    let mut registered = pages::serve_at(routes, admin, settings, stop);
    registered.extend(operation.serve_below(routes, admin, settings));
    registered
}

async fn listen(
    settings: &Settings,
    passed: Option<std::net::TcpListener>,
) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let wanted = settings.listen;
    let listener = match passed {
        Some(passed) => TcpListener::from_std(passed).context("cannot use the passed socket")?,
        None => TcpListener::bind(wanted).await.with_context(|| {
            format!("cannot listen on `{wanted}`; choose another address with `--listen`")
        })?,
    };
    let address = listener.local_addr().context("cannot read the address of the port")?;
    Ok((listener, address))
}

/// Waits until the nodes have stopped and `server` has ended, but not longer than nodes may take. Also
/// returns what is left of that time.
async fn stop_all(
    engine: &Engine,
    server: impl Future<Output = ()>,
    limit: Duration,
) -> anyhow::Result<(ExitCode, Duration)> {
    let began = Instant::now();
    let all_stopped = async { tokio::join!(engine.stop(StopReason::ShuttingDown), server) };
    let code = match tokio::time::timeout(limit + signals::GRACE, all_stopped).await {
        Ok((stopped, ())) => stopped.map(|()| ExitCode::SUCCESS)?,
        Err(_) => signals::name_what_is_late(),
    };
    Ok((code, limit.saturating_sub(began.elapsed())))
}

fn limits(settings: &Settings) -> Limits {
    Limits {
        handshake: settings.get(&table::HANDSHAKE_TIMEOUT),
        drain: settings.get(&table::SHUTDOWN_TIMEOUT),
        transfer: settings.get(&table::TRANSFER_TIMEOUT),
        connections: settings.get(&table::MAX_CONNECTIONS).unwrap_or(usize::MAX),
        connections_per_address: settings.get(&table::MAX_PER_ADDRESS),
        proxies: settings.trusted_proxies.clone(),
    }
}

/// What the runtime gives to nodes.
struct Services {
    port: NodePort,
    contexts: Arc<ContextStores>,
    cluster: Option<Arc<dyn Cluster>>,
    tracer: Option<Arc<Tracer>>,
}

impl Services {
    fn new(
        (port, contexts): (NodePort, Arc<ContextStores>),
        cluster: &cluster::Joined,
        traces: Option<&Traces>,
    ) -> Self {
        Services { port, contexts, cluster: cluster.services(), tracer: traces.map(Traces::tracer) }
    }
}

/// The port as nodes see it.
fn node_port(routes: &Routes, auth: &Arc<Auth>, settings: &Settings) -> NodePort {
    NodePort::new(routes.clone(), http_nodes::routes(settings), admin::routes(auth, settings))
}

fn engine(
    settings: &Settings,
    registry: Registry,
    services: Services,
    npm_nodes: Option<&NpmNodes>,
) -> Engine {
    let builder = Engine::builder(registry)
        .environment(Environment::new(process_env))
        .settings(settings.for_nodes.clone())
        .port(Arc::new(services.port))
        .contexts(services.contexts)
        .stop_limit(settings.get(&table::SHUTDOWN_TIMEOUT));
    // Without an address to read them at, nobody can ask for the counts.
    let is_read = settings.http_admin_root.is_some() || settings.metrics.is_some();
    let builder = match is_read {
        true => builder.count_traffic(settings.get(&table::METRICS_NODES)),
        false => builder,
    };
    let builder = match services.cluster {
        Some(cluster) => builder.cluster(cluster),
        None => builder,
    };
    let builder = match services.tracer {
        Some(tracer) => builder.tracer(tracer),
        None => builder,
    };
    match npm_nodes {
        Some(nodes) => builder.companion(nodes.companion()).build(),
        None => builder.build(),
    }
}

/// Logs the port's URL, and that of the editor or why it is not served.
fn announce(admin: &Admin, settings: &Settings, address: SocketAddr) {
    let scheme = if settings.tls.is_some() { "https" } else { "http" };
    let port = format!("{scheme}://{address}");
    info!("listening on {port}, test page at {port}/ferrowire/test");
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

/// Logs why the flows do not run.
fn report(deployed: &Deployed, admin: &Admin) {
    if deployed.problems.iter().any(|problem| problem.severity == Severity::MissingType) {
        error!("the flows do not run: add plugins for the missing types, or delete their nodes");
    } else if admin.is_safe() {
        warn!("safe mode: the flows do not run until they are deployed, or read again at SIGHUP");
    }
}

/// Warns of settings of Node-RED's that are not read.
fn warn_of_settings_js(settings: &Settings, places: &Places) {
    let program = places.user_dir.join(settings_js::NAME);
    if !settings.has_file && program.is_file() {
        let program = program.display();
        warn!(
            "`{program}` is not read: settings are in a TOML file here; `ferrowire settings \
             --settings {program}` lists which of its keys are settings"
        );
    }
}

/// Loads the certificate when its files change. Loads it, reads the filter of the log, and deploys the
/// flow files again whenever that is asked for. Never ends.
async fn reload_when_asked(
    (asked, again): (&Asked, &Again<'_>),
    (admin, systemd): (&Arc<Admin>, &Systemd),
    tls: Option<Arc<ServerTls>>,
) {
    let mut watching = JoinSet::new();
    if let Some(tls) = tls.clone() {
        watching.spawn(tls.watch(CERTIFICATE_PERIOD, CancellationToken::new()));
    }
    loop {
        asked.reload.notified().await;
        if let Some(tls) = tls.clone() {
            watching.spawn_blocking(move || tls.reload_and_log());
        }
        systemd.enter(State::Reloading);
        if let Err(error) = again.log().and_then(|log| filter::change(&log).map_err(Error::msg)) {
            error!("the filter of the log stays what it is: {error:#}");
        }
        reload(admin).await;
        systemd.enter(State::Ready);
    }
}

/// Deploys the flow files again. Unchanged nodes keep running, with their connections.
async fn reload(admin: &Arc<Admin>) {
    match admin.reload(DeployType::Nodes).await {
        Ok(deployed) => {
            report(&deployed, admin);
            info!("deployed the flow files again");
        }
        Err(error) => error!("the running flows were not changed: {error}"),
    }
}
