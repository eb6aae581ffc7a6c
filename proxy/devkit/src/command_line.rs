//! The command line of `devkit`.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use clap::Parser;
use tokenbridge_devkit::configuration::{IdpConfiguration, Lifetime};
use tokenbridge_devkit::provider::{FaultRule, Mode};

/// Development identity provider, demo backends and demo application of tokenbridge.
///
/// For development only: it listens on loopback addresses and its passwords are no secret.
#[derive(Debug, Parser)]
#[command(name = "devkit", version)]
pub(crate) struct CommandLine {
    /// The folder with the provider's settings.yaml and clients.yaml
    #[arg(long, value_name = "DIR")]
    pub(crate) config: PathBuf,
    /// Where the identity provider listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8081", value_parser = address)]
    pub(crate) idp_listen: SocketAddr,
    /// Where the analytics backend listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8100", value_parser = address)]
    pub(crate) analytics_listen: SocketAddr,
    /// Where the crud backend listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8101", value_parser = address)]
    pub(crate) crud_listen: SocketAddr,
    /// Where the demo application listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8102", value_parser = address)]
    pub(crate) app_listen: SocketAddr,
    /// The provider's issuer [default: localhost with the port of --idp-listen]
    #[arg(long, value_name = "URL")]
    pub(crate) issuer: Option<String>,
    /// The gateway's address, which browsers see
    #[arg(long, value_name = "URL", default_value = "http://localhost:8080")]
    pub(crate) public_url: String,
    /// The audience that the analytics backend insists on [default: that of settings.yaml, else the demo's]
    #[arg(long, value_name = "AUDIENCE")]
    pub(crate) analytics_audience: Option<String>,
    /// The audience that the crud backend insists on [default: that of settings.yaml, else the demo's]
    #[arg(long, value_name = "AUDIENCE")]
    pub(crate) crud_audience: Option<String>,
    /// Odd behaviours of known providers, besides those of settings.yaml; may be repeated
    #[arg(long, value_name = "MODE", value_enum, value_delimiter = ',')]
    mode: Vec<Mode>,
    /// A fault from the start, as JSON, such as
    /// {"fault":{"kind":"lost_answer","endpoint":"token"},"times":1}; may be repeated
    #[arg(long, value_name = "JSON", value_parser = fault)]
    fault: Vec<FaultRule>,
    /// The audience of the mode default-audience
    #[arg(long, value_name = "AUDIENCE")]
    default_audience: Option<String>,
    /// Overrides token.access_token_lifetime: 1s and longer
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    access_token_lifetime: Option<Lifetime>,
    /// Overrides token.refresh_token_lifetime
    #[arg(long, value_name = "DURATION", value_parser = lifetime)]
    refresh_token_lifetime: Option<Lifetime>,
    /// Overrides token.refresh_token_grace: for how long a used refresh token is taken again
    #[arg(long, value_name = "DURATION")]
    refresh_token_grace: Option<Lifetime>,
}

impl CommandLine {
    /// Puts what the command line says over what the files say.
    pub(crate) fn override_files(&self, configuration: &mut IdpConfiguration) {
        let token = &mut configuration.token;
        token.access_token_lifetime = self.access_token_lifetime.or(token.access_token_lifetime);
        token.refresh_token_lifetime = self.refresh_token_lifetime.or(token.refresh_token_lifetime);
        token.refresh_token_grace = self.refresh_token_grace.or(token.refresh_token_grace);
        let development = &mut configuration.development;
        development.modes.extend(&self.mode);
        development.faults.extend(self.fault.iter().cloned());
        if let Some(audience) = &self.default_audience {
            development.default_audience = Some(audience.clone());
        }
        let audiences = [
            ("analytics", &self.analytics_audience),
            ("crud", &self.crud_audience),
        ];
        for (backend, audience) in audiences {
            if let Some(audience) = audience {
                let backends = &mut development.backend_audiences;
                backends.insert(backend.to_owned(), audience.clone());
            }
        }
    }
}

/// `localhost:PORT` means both loopback addresses, as each of them does.
fn address(text: &str) -> Result<SocketAddr, String> {
    if let Some(port) = text.strip_prefix("localhost:") {
        let port = port
            .parse()
            .map_err(|_| format!("`{port}` is not a port"))?;
        return Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
    }
    text.parse()
        .map_err(|_| "write ADDRESS:PORT, such as 127.0.0.1:8081".to_owned())
}

fn fault(text: &str) -> Result<FaultRule, String> {
    serde_json::from_str(text).map_err(|error| error.to_string())
}

fn lifetime(text: &str) -> Result<Lifetime, String> {
    let lifetime: Lifetime = text.parse()?;
    if lifetime.seconds() == 0 {
        return Err("write at least 1s".to_owned());
    }
    Ok(lifetime)
}
