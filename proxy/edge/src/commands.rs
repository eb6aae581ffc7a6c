//! The commands of the program.

use std::net::ToSocketAddrs;
use std::path::Path;
use std::process::ExitCode;

use clap::Parser;
use tokenbridge_config::explain::Outcome;
use tokenbridge_config::{Configuration, Loaded, Report, check_hosts, check_idp, check_presets};
use tokenbridge_identity::probe::Report as ProbeReport;

use crate::cli::{Check, Command, CommandLine, Explain, Run};
use crate::{logging, probe, start};

/// Runs the program; the exit code is 0, or 1 when something is wrong.
pub fn main() -> ExitCode {
    match CommandLine::parse().command {
        Command::Run(arguments) => run(&arguments),
        Command::Check(arguments) => check(&arguments),
        Command::Explain(arguments) => explain(&arguments),
    }
}

fn load(folder: &Path) -> Result<Loaded, Report> {
    tokenbridge_config::load(folder, &|name| std::env::var(name).ok())
}

fn run(arguments: &Run) -> ExitCode {
    let loaded = load(&arguments.folder.config);
    let ended = loaded.map(|loaded| start::run(loaded, arguments.upgrade));
    logging::flush();
    match ended {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(problem)) => {
            eprintln!("tokenbridge: {problem}");
            ExitCode::FAILURE
        }
        Err(report) => fail_with(&report),
    }
}

fn fail_with(report: &Report) -> ExitCode {
    eprint!("{report}");
    ExitCode::FAILURE
}

fn check(arguments: &Check) -> ExitCode {
    let (report, configuration) = check_files(arguments);
    let usable = configuration.filter(|_| !report.fails_check());
    let probed = usable
        .as_ref()
        .filter(|_| arguments.probe)
        .map(|configuration| probe::command::run(configuration, arguments.user.as_deref()));
    match arguments.json {
        true => print_json(&report, arguments, probed.as_ref()),
        false => print_text(&report, arguments, usable.is_some(), probed.as_ref()),
    }
    let probed_well = match &probed {
        Some(Ok(report)) => !report.is_wrong(),
        Some(Err(_)) => false,
        None => !arguments.probe,
    };
    match usable.is_some() && probed_well {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// What the files say, before anybody is asked.
fn check_files(arguments: &Check) -> (Report, Option<Configuration>) {
    let Loaded {
        configuration,
        mut report,
    } = match load(&arguments.folder.config) {
        Ok(loaded) => loaded,
        Err(report) => return (report, None),
    };
    report.extend(check_hosts(&configuration, &|host, port| {
        (host, port).to_socket_addrs().is_ok()
    }));
    report.extend(check_presets(&configuration));
    if let Some(folder) = &arguments.idp {
        report.extend(check_idp(folder, &configuration));
    }
    (report, Some(configuration))
}

type Probed = Result<ProbeReport, String>;

#[allow(clippy::print_stdout)]
fn print_json(report: &Report, arguments: &Check, probed: Option<&Probed>) {
    if !arguments.probe {
        println!("{}", serde_json::json!(report));
        return;
    }
    let probe = match probed {
        Some(Ok(report)) => serde_json::json!(report),
        Some(Err(problem)) => serde_json::json!({ "problem": problem, "services": [] }),
        None => serde_json::Value::Null,
    };
    println!(
        "{}",
        serde_json::json!({ "problems": report, "probe": probe })
    );
}

#[allow(clippy::print_stdout)]
fn print_text(report: &Report, arguments: &Check, usable: bool, probed: Option<&Probed>) {
    print!("{report}");
    if usable {
        let folder = arguments.folder.config.display();
        println!("{folder}: the configuration can be used");
    }
    match probed {
        Some(Ok(report)) => print!("\n{}", probe::command::print(report)),
        Some(Err(problem)) => eprintln!("tokenbridge: {problem}"),
        None => {}
    }
}

#[allow(clippy::print_stdout)]
fn explain(arguments: &Explain) -> ExitCode {
    let loaded = match load(&arguments.folder.config) {
        Ok(loaded) => loaded,
        Err(report) => return fail_with(&report),
    };
    let explanation =
        tokenbridge_config::explain(&loaded.configuration, &arguments.method, &arguments.path);
    match arguments.json {
        true => println!("{}", serde_json::json!(explanation)),
        false => println!("{explanation}"),
    }
    match explanation.outcome {
        Outcome::Route(_) | Outcome::Gateway => ExitCode::SUCCESS,
        Outcome::RouteNotFound { .. }
        | Outcome::MethodNotAllowed { .. }
        | Outcome::MethodUnknown { .. }
        | Outcome::TargetRefused { .. } => ExitCode::FAILURE,
    }
}
