//! The command line.

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};

/// Edge gateway: a session cookie in, an audience-bound access token out.
#[derive(Debug, Parser)]
#[command(name = "tokenbridge", version)]
pub(crate) struct CommandLine {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Runs the gateway.
    Run(Run),
    /// Checks a configuration and, with --idp, compares it with the provider's.
    Check(Check),
    /// Says where a request would go and with which token, or why nowhere.
    Explain(Explain),
}

#[derive(Debug, Args)]
pub(crate) struct Run {
    #[command(flatten)]
    pub(crate) folder: Folder,
    /// Takes over from the running gateway (upgrade_socket), which stops once this one serves
    #[arg(long)]
    pub(crate) upgrade: bool,
}

/// Where the configuration is.
#[derive(Debug, Args)]
pub(crate) struct Folder {
    /// Folder with routes.yaml and settings.yaml
    #[arg(long, value_name = "DIR")]
    pub(crate) config: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    pub(crate) folder: Folder,
    /// Folder with the development provider's settings.yaml and clients.yaml
    #[arg(long, value_name = "DIR")]
    pub(crate) idp: Option<PathBuf>,
    /// Logs in through the running gateway and shows what the provider gives each service
    #[arg(long)]
    pub(crate) probe: bool,
    /// Logs this user in without a browser, at a provider with plain HTML forms
    #[arg(long, value_name = "NAME", requires = "probe")]
    pub(crate) user: Option<String>,
    /// Prints the problems as JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    pub(crate) folder: Folder,
    /// Prints the explanation as JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// The request's method
    pub(crate) method: String,
    /// The request's path, with or without a query
    pub(crate) path: String,
}
