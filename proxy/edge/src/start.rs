//! How the process begins: everything that can fail does so before the first listener opens.

use std::sync::Arc;

use pingora_core::server::configuration::ServerConf;
use pingora_core::server::{RunArgs, Server};
use pingora_core::services::background::background_service;
use tokenbridge_config::process::RuntimeShape;
use tokenbridge_config::{Configuration, Loaded};
use tokenbridge_identity::{Identity, IdentityParts, IdentitySettings};
use tokenbridge_session_store::{Clock, Keyring, SystemClock};
use tokio::runtime::Runtime;

use crate::admin::Admin;
use crate::connections::entrances::Entrances;
use crate::drain::{Drain, FLIGHTS_END, Flights, Signals, leave_when_idle};
use crate::forward_auth::{self, ForwardAuthService};
use crate::frontend::{Background, Frontend, Parts};
use crate::listeners;
use crate::logging;
use crate::metrics::Metrics;
use crate::open_files;
use crate::renewal::Renewal;
use crate::resolver::Resolver;
use crate::store::{self, Stores};
use crate::telemetry::IdentityTelemetry;
use crate::tls::Reloader;
use crate::upgrade::{Handover, SocketFile, Use};
use crate::upstreams::Upstreams;

/// Attempts for one request in all: the first and at most two more.
const ATTEMPTS: usize = 3;

/// Runs the gateway until a signal ends it, or a new process that takes over from it; with
/// `upgrade` it takes over from the one that runs.
///
/// # Errors
/// Why it cannot start.
pub(crate) fn run(loaded: Loaded, upgrade: bool) -> Result<(), String> {
    let Loaded {
        configuration,
        report,
    } = loaded;
    let metrics = Arc::new(Metrics::new().map_err(|error| error.to_string())?);
    logging::start(configuration.logging, metrics.dropped_log_lines.clone())
        .map_err(|error| format!("no thread for the log: {error}"))?;
    open_files::raise_limit();
    for problem in report.problems() {
        tracing::warn!(target: "tokenbridge", "{problem}");
    }
    // Pingora gives each service a runtime that ends with the listeners; work that outlives a
    // request and a stop (code exchange, renewals, revocation) has one of its own.
    let runtime = background_runtime()?;
    let mut handover = Handover::begin(&configuration, upgrade, &runtime)?;
    let sockets = listeners::open(&configuration.listen, configuration.runtime, &mut handover)?;
    let admin = handover.listen(Use::Admin, configuration.admin)?;
    let asked = forward_auth::bind(&configuration, &mut handover)?;
    let entrances = Entrances::open(&configuration.listen);
    let entrances = entrances.map_err(|problem| problem.to_string())?;
    let ground = Ground {
        clock: Arc::new(SystemClock::default()),
        keyring: Arc::new(store::keyring(&configuration.encryption_keys)?),
        metrics,
    };
    let stores = Stores::new(&configuration, &ground)?;
    let frontend = frontend(configuration, &runtime, &stores, ground)?;
    if upgrade {
        check_sessions(&runtime, &frontend)?;
    }
    let mut server = server(&frontend.configuration);
    let resolver = server.add_service(background_service(
        "resolver",
        Resolver(frontend.upstreams.clone()),
    ));
    let renewal = Renewal {
        identity: frontend.identity.clone(),
        runtime: runtime.handle().clone(),
    };
    server.add_service(background_service("renewal", renewal));
    if let Some(listener) = asked {
        let opened = stores.open()?;
        let service = ForwardAuthService::new(listener, &frontend, opened);
        server.add_service(background_service("forward auth", service));
    }
    server.add_service(background_service(
        "admin",
        Admin::new(admin, frontend.clone()),
    ));
    if !entrances.certificates().is_empty() {
        let reloader = Reloader::new(entrances.certificates(), frontend.metrics.clone());
        server.add_service(background_service("certificates", reloader));
    }
    let public = (sockets, &entrances);
    listeners::add(&mut server, &frontend, &stores, public, &[resolver])?;
    let file = handover.go_on(&runtime, &frontend.drain)?;
    announce(&frontend.configuration);
    serve(server, &frontend, runtime, file.clone());
    if let Some(file) = file {
        file.remove();
    }
    Ok(())
}

/// A running gateway is not given up for one that cannot read its sessions.
///
/// # Errors
/// The store does not answer.
fn check_sessions(runtime: &Runtime, frontend: &Frontend) -> Result<(), String> {
    let answered = runtime.block_on(frontend.background.store.ping());
    answered.map_err(|error| {
        format!(
            "--upgrade: the session store does not answer, so the running gateway goes on: {error}"
        )
    })
}

fn background_runtime() -> Result<Runtime, String> {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("background")
        .enable_all()
        .build()
        .map_err(|error| format!("no thread for background work: {error}"))
}

/// What everything else stands on.
pub(crate) struct Ground {
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) keyring: Arc<Keyring>,
    pub(crate) metrics: Arc<Metrics>,
}

fn frontend(
    configuration: Configuration,
    runtime: &Runtime,
    stores: &Stores,
    ground: Ground,
) -> Result<Arc<Frontend>, String> {
    let upstreams = Upstreams::new(&configuration.frontend.services).map_err(|problems| {
        problems
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join("\n")
    })?;
    let background = Background {
        runtime: runtime.handle().clone(),
        store: stores.open()?.store,
    };
    let identity = Identity::start(IdentityParts {
        settings: IdentitySettings::of(&configuration.frontend),
        store: background.store.clone(),
        keyring: ground.keyring.clone(),
        clock: ground.clock.clone(),
        runtime: runtime.handle().clone(),
        telemetry: Arc::new(IdentityTelemetry(ground.metrics.clone())),
    })
    .map_err(|problem| problem.to_string())?;
    let parts = Parts {
        upstreams: Arc::new(upstreams),
        identity,
        keyring: ground.keyring,
        background,
        metrics: ground.metrics,
        drain: Arc::new(Drain::new(listening(&configuration))),
        clock: ground.clock,
    };
    let frontend = Arc::new(Frontend::new(configuration, parts));
    follow_changes(runtime, &frontend);
    Ok(frontend)
}

/// How many services have listeners: one for each thread, the admin's, and that of other proxies.
fn listening(configuration: &Configuration) -> usize {
    let asked = usize::from(configuration.forward_auth.is_some());
    listeners::services(configuration.runtime) + 1 + asked
}

/// What happens to sessions anywhere reaches whoever has something open for them here.
fn follow_changes(runtime: &Runtime, frontend: &Frontend) {
    let store = frontend.background.store.clone();
    let (sessions, cache) = (
        frontend.live_sessions.clone(),
        frontend.session_cache.clone(),
    );
    runtime.spawn(async move {
        let mut changes = store.changes();
        cache.begin(changes.are_live());
        loop {
            let notice = changes.next().await;
            // The cache first: who sees an epoch from after a notice was not admitted from before.
            cache.hear(&notice, changes.are_live());
            sessions.hear(notice);
        }
    });
}

fn server(configuration: &Configuration) -> Server {
    let conf = ServerConf {
        threads: 1,
        // A service with one thread has nobody to take work from: the plain scheduler does less.
        work_stealing: configuration.runtime.shape == RuntimeShape::Shared,
        max_retries: ATTEMPTS,
        // The framework ends the process then, whatever is under way: after our own end of it.
        grace_period_seconds: Some(
            configuration.drain.timeout.as_secs() + 2 * FLIGHTS_END.as_secs(),
        ),
        graceful_shutdown_timeout_seconds: Some(1),
        // The framework's own timers stay in a tree until they would be due, thousands for each
        // thread; tokio's leave their wheel with the request that no longer needs them.
        fast_timeout_to_tokio_threshold_seconds: Some(0),
        ..ServerConf::default()
    };
    Server::new_with_opt_and_conf(None, conf)
}

fn announce(configuration: &Configuration) {
    for listener in &configuration.listen {
        tracing::info!(target: "tokenbridge", "listening on {} for {}", listener.address, configuration.frontend.public_url.origin());
    }
    tracing::info!(target: "tokenbridge", "admin listener on {}", configuration.admin);
    if let Some(forward_auth) = &configuration.forward_auth {
        tracing::info!(target: "tokenbridge", "forward auth on {}", forward_auth.listen);
    }
}

fn serve(
    mut server: Server,
    frontend: &Arc<Frontend>,
    runtime: Runtime,
    file: Option<Arc<SocketFile>>,
) {
    server.bootstrap();
    let signals = Signals {
        drain: frontend.drain.clone(),
        grace_period: frontend.configuration.drain.grace_period,
        flights: Flights(frontend.identity.clone()),
    };
    let phases = server.watch_execution_phase();
    let flights = Flights(frontend.identity.clone());
    let timeout = frontend.configuration.drain.timeout;
    leave_when_idle((frontend.drain.clone(), timeout), phases, move || {
        // Dropping the runtime drops tasks at their next await, wherever that is.
        runtime.block_on(flights.end());
        if let Some(file) = file {
            file.remove();
        }
        logging::flush();
    });
    server.run(RunArgs {
        shutdown_signal: Box::new(signals),
    });
}
