//! The program `devkit`: identity provider, demo backends and demo application in one process.

mod command_line;

use std::io::IsTerminal;
use std::net::SocketAddr;
use std::process::ExitCode;

use clap::Parser;
use tokenbridge_devkit::app::DemoApp;
use tokenbridge_devkit::backend::Introspection;
use tokenbridge_devkit::configuration::Client;
use tokenbridge_devkit::{
    Backend, BackendOptions, DevelopmentProvider, IdpConfiguration, ProviderOptions, Secret,
    StartError,
};
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

use command_line::CommandLine;

fn main() -> ExitCode {
    let installed = rustls::crypto::aws_lc_rs::default_provider().install_default();
    let command_line = CommandLine::parse();
    start_logging();
    if installed.is_err() {
        tracing::warn!("another TLS provider was installed first");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    let ended = match runtime {
        Ok(runtime) => runtime.block_on(run(&command_line)),
        Err(error) => Err(error.into()),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("devkit: {error}");
            ExitCode::FAILURE
        }
    }
}

fn start_logging() {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info"));
    // no-color.org
    let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_target(false)
        .with_ansi(std::io::stderr().is_terminal() && !no_color)
        .with_writer(std::io::stderr)
        .init();
}

/// Starts everything and ends it at the first signal.
async fn run(command_line: &CommandLine) -> Result<(), Box<dyn std::error::Error>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let running = start(command_line).await?;
    tokio::select! {
        pressed = tokio::signal::ctrl_c() => pressed?,
        _ = terminate.recv() => {}
    }
    drop(running);
    tracing::info!("ended");
    Ok(())
}

/// All four parts; they end when this is dropped.
struct Running {
    _provider: DevelopmentProvider,
    _backends: [Backend; 2],
    _app: DemoApp,
}

async fn start(command_line: &CommandLine) -> Result<Running, StartError> {
    let mut configuration = IdpConfiguration::load(&command_line.config)?;
    command_line.override_files(&mut configuration);
    tracing::warn!("devkit is for development only: its passwords and secrets are no secret");
    let provider = DevelopmentProvider::start(ProviderOptions {
        listen: command_line.idp_listen,
        issuer: command_line.issuer.clone(),
        public_url: Some(command_line.public_url.clone()),
        ..ProviderOptions::new(configuration)
    })
    .await?;
    report_provider(&provider);
    let analytics = BackendOptions::analytics(provider.issuer());
    let analytics = start_backend(analytics, command_line.analytics_listen, &provider).await?;
    let crud = BackendOptions::crud(provider.issuer());
    let crud = start_backend(crud, command_line.crud_listen, &provider).await?;
    let app = DemoApp::start(command_line.app_listen).await?;
    tracing::info!(url = app.url(), "demo application");
    tracing::info!(
        "with tokenbridge running, open {}/",
        command_line.public_url.trim_end_matches('/')
    );
    Ok(Running {
        _provider: provider,
        _backends: [analytics, crud],
        _app: app,
    })
}

fn report_provider(provider: &DevelopmentProvider) {
    let configuration = provider.configuration();
    let clients: Vec<&str> = configuration.clients.keys().map(String::as_str).collect();
    let users: Vec<&str> = configuration.users.keys().map(String::as_str).collect();
    tracing::info!(
        issuer = provider.issuer(),
        clients = clients.join(" "),
        users = users.join(" "),
        "identity provider"
    );
    for mode in &configuration.development.modes {
        tracing::warn!(?mode, "the provider is odd on purpose");
    }
    for rule in &configuration.development.faults {
        tracing::warn!(?rule, "a fault is in place");
    }
}

async fn start_backend(
    defaults: BackendOptions,
    listen: SocketAddr,
    provider: &DevelopmentProvider,
) -> Result<Backend, StartError> {
    let configuration = provider.configuration();
    let configured = configuration
        .development
        .backend_audiences
        .get(&defaults.name);
    let options = BackendOptions {
        listen,
        audience: configured.unwrap_or(&defaults.audience).clone(),
        introspection: introspection(provider),
        ..defaults
    };
    let (name, audience) = (options.name.clone(), options.audience.clone());
    let backend = Backend::start(options).await?;
    tracing::info!(name, url = backend.url(), audience, "demo backend");
    Ok(backend)
}

/// The backends ask about opaque tokens as the first client of clients.yaml.
fn introspection(provider: &DevelopmentProvider) -> Option<Introspection> {
    let (client_id, client) = provider.configuration().clients.first_key_value()?;
    let development = || Secret::new(Client::DEVELOPMENT_SECRET);
    Some(Introspection {
        endpoint: format!("{}/introspect", provider.issuer()),
        client_id: client_id.clone(),
        client_secret: client.client_secret.clone().unwrap_or_else(development),
    })
}
