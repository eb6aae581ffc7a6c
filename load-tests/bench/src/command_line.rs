//! The command line of `bench`.

use std::path::PathBuf;

use clap::{Args, Parser};

/// Measures tokenbridge beside bare Pingora, in one run on this machine.
#[derive(Debug, Parser)]
pub enum Command {
    /// The gateway beside bare Pingora
    Run(Run),
    /// The gateway beside other gateways
    Peers(Run),
    /// A million sessions beside a thousand
    Scale(Scale),
    /// Finding the due sessions among a million beside a thousand, and bytes per session
    DueIndex,
    /// Thread shapes, allocators, buffers, pools and builds of a bare proxy
    Shapes(Shapes),
    /// perf's samples of a gateway on the warm path
    Profile(Profile),
    /// Users of a running demo: journey, mixed, ramp, spike, soak
    Visits(Visits),
}

/// What users of a running demo do.
#[derive(Debug, Args)]
pub struct Visits {
    /// The origin that is loaded
    #[arg(long, default_value = "http://localhost:8080")]
    pub target: String,
    /// Requests per second: the steady rate, the calm one of spike, the peak of ramp
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub rate: Option<u32>,
    /// How many have logged in before
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    pub sessions: Option<u16>,
    /// Seconds of journey, mixed and soak
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=3600))]
    pub seconds: Option<u16>,
    /// Milliseconds that nearly all requests may take
    #[arg(long)]
    pub milliseconds: Option<u64>,
    /// Which
    #[arg(required = true)]
    pub scripts: Vec<String>,
}

/// How thread shapes and the like are compared.
#[derive(Debug, Args)]
pub struct Shapes {
    /// Where cargo builds: the folder with a folder for each of the profiles dist, dist-thin and release
    #[arg(long)]
    pub builds: PathBuf,
    /// The file that is written: this name with .json
    #[arg(long)]
    pub results: Option<PathBuf>,
    /// Rounds; more of them narrow the spread
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub rounds: u16,
    /// Seconds for each row
    #[arg(long, default_value_t = 1.0)]
    pub row: f64,
    /// Only rows with this text in their names, beside the first one; more than once: all of these
    #[arg(long)]
    pub only: Vec<String>,
}

/// What is profiled.
#[derive(Debug, Args)]
pub struct Profile {
    /// The program, with its symbols
    #[arg(long)]
    pub program: PathBuf,
    /// It is a bare proxy
    #[arg(long)]
    pub bare: bool,
    /// A gateway asks the store for every session
    #[arg(long, conflicts_with = "bare")]
    pub cold: bool,
    /// Count instructions by Callgrind, rather than sample time by perf
    #[arg(long)]
    pub instructions: bool,
    /// For how long
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..=600))]
    pub seconds: u16,
    /// What perf writes
    #[arg(long)]
    pub output: PathBuf,
}

/// How many sessions, and where the gateway is.
#[derive(Debug, Args)]
pub struct Scale {
    /// How many sessions there are, one run for each; 0: only gateways and clusters are compared
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 100_000, 1_000_000])]
    pub sessions: Vec<usize>,
    /// The folder with the gateway, built with the profile dist; without it no gateway is measured
    #[arg(long)]
    pub dist: Option<PathBuf>,
    /// The file that is written: this name with .json
    #[arg(long)]
    pub results: Option<PathBuf>,
    /// Rounds in which gateways and clusters are compared
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub rounds: u16,
}

/// Programs, and how often they are measured.
#[derive(Debug, Args)]
pub struct Run {
    /// The folder with what was built with the profile dist
    #[arg(long)]
    pub dist: PathBuf,
    /// The folder with what was built with the profile release
    #[arg(long)]
    pub release: PathBuf,
    /// The files that are written: this name with .json and .svg
    #[arg(long)]
    pub results: Option<PathBuf>,
    /// Rounds; more of them narrow the spread
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(0..=200))]
    pub rounds: u16,
    /// Seconds for each row
    #[arg(long, default_value_t = 1.2)]
    pub row: f64,
    /// Requests at the same time
    #[arg(long, default_value_t = 64)]
    pub connections: usize,
    /// Fail where one of the other gateways is not installed, rather than leave it out
    #[arg(long)]
    pub all: bool,
    /// Count nothing with Callgrind
    #[arg(long)]
    pub without_callgrind: bool,
    /// Among how many sessions the due ones are looked for; 0: they are not
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 1_000_000])]
    pub due_index: Vec<usize>,
}
