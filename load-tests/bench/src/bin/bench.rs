//! The program behind `make bench`.

#![allow(clippy::print_stdout)]

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Args, Parser};
use tokenbridge_bench::counting::{self, Costs};
use tokenbridge_bench::peer_rounds::Field;
use tokenbridge_bench::report::Report;
use tokenbridge_bench::round::{Options, Sides};
use tokenbridge_bench::scenario::Scenario;
use tokenbridge_bench::stage::Stage;
use tokenbridge_bench::target::{Manner, Programs, Side, Target, send};
use tokenbridge_bench::visits::script::Choices;
use tokenbridge_bench::{
    Outcome, chart, due_index, machine, memory, profile, replicas, scale, shapes, visits,
};

/// Measures tokenbridge beside bare Pingora, in one run on this machine.
#[derive(Debug, Parser)]
enum Command {
    /// The gateway beside bare Pingora
    Run(Run),
    /// The gateway beside other gateways
    Peers(Run),
    /// A million sessions beside a thousand
    Scale(Scale),
    /// Finding the due sessions among a million beside a thousand, and bytes per session
    DueIndex,
    /// Thread shapes and allocators of a bare proxy
    Shapes(Shapes),
    /// perf's samples of a gateway on the warm path
    Profile(Profile),
    /// Users of a running demo: journey, mixed, ramp, spike, soak
    Visits(Visits),
}

#[derive(Debug, Args)]
struct Visits {
    /// The origin that is loaded
    #[arg(long, default_value = "http://localhost:8080")]
    target: String,
    /// Requests per second: the steady rate, the calm one of spike, the peak of ramp
    #[arg(long, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rate: Option<u32>,
    /// How many have logged in before
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..))]
    sessions: Option<u16>,
    /// Seconds of journey, mixed and soak
    #[arg(long, value_parser = clap::value_parser!(u16).range(1..=3600))]
    seconds: Option<u16>,
    /// Milliseconds that nearly all requests may take
    #[arg(long)]
    milliseconds: Option<u64>,
    /// Which
    #[arg(required = true)]
    scripts: Vec<String>,
}

#[derive(Debug, Args)]
struct Shapes {
    /// The folder with the bare proxies, built with the profile dist
    #[arg(long)]
    dist: PathBuf,
    /// The file that is written: this name with .json
    #[arg(long)]
    results: Option<PathBuf>,
    /// Rounds; more of them narrow the spread
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=200))]
    rounds: u16,
    /// Seconds for each row
    #[arg(long, default_value_t = 1.5)]
    row: f64,
}

#[derive(Debug, Args)]
struct Profile {
    /// The program, with its symbols
    #[arg(long)]
    program: PathBuf,
    /// It is a bare proxy
    #[arg(long)]
    bare: bool,
    /// Count instructions by Callgrind, rather than sample time by perf
    #[arg(long)]
    instructions: bool,
    /// For how long
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u16).range(1..=600))]
    seconds: u16,
    /// What perf writes
    #[arg(long)]
    output: PathBuf,
}

#[derive(Debug, Args)]
struct Scale {
    /// How many sessions there are, one run for each; 0: only gateways and clusters are compared
    #[arg(long, value_delimiter = ',', default_values_t = [1_000, 100_000, 1_000_000])]
    sessions: Vec<usize>,
    /// The folder with the gateway, built with the profile dist; without it no gateway is measured
    #[arg(long)]
    dist: Option<PathBuf>,
    /// Rounds in which gateways and clusters are compared
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(1..=200))]
    rounds: u16,
}

#[derive(Debug, Args)]
struct Run {
    /// The folder with what was built with the profile dist
    #[arg(long)]
    dist: PathBuf,
    /// The folder with what was built with the profile release
    #[arg(long)]
    release: PathBuf,
    /// The files that are written: this name with .json and .svg
    #[arg(long)]
    results: Option<PathBuf>,
    /// Rounds; more of them narrow the spread
    #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u16).range(0..=200))]
    rounds: u16,
    /// Seconds for each row
    #[arg(long, default_value_t = 1.2)]
    row: f64,
    /// Requests at the same time
    #[arg(long, default_value_t = 64)]
    connections: usize,
    /// Fail where one of the other gateways is not installed, rather than leave it out
    #[arg(long)]
    all: bool,
    /// Count nothing with Callgrind
    #[arg(long)]
    without_callgrind: bool,
}

fn main() -> ExitCode {
    let ended = match Command::parse() {
        Command::Run(run) => measure(&run),
        Command::Peers(run) => compare(&run),
        Command::Shapes(shapes) => compare_shapes(&shapes),
        Command::Profile(run) => record(&run),
        Command::Visits(visits) => visit(&visits),
        Command::DueIndex => {
            due_index::measure(&[1_000, 1_000_000]).map(|table| println!("{table}"))
        }
        Command::Scale(scale) => grow(&scale),
    };
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nbench: {error}");
            ExitCode::FAILURE
        }
    }
}

fn grow(run: &Scale) -> Outcome<()> {
    if run.sessions != [0] {
        println!("{}", scale::measure(&run.sessions)?);
    }
    if let Some(dist) = &run.dist {
        let program = dist.join("tokenbridge");
        let row = Duration::from_millis(1_500);
        println!("{}", replicas::measure(&program, run.rounds.into(), row)?);
    }
    Ok(())
}

fn compare_shapes(run: &Shapes) -> Outcome<()> {
    let rows = shapes::measure(&run.dist, run.rounds.into(), run.row)?;
    println!("{}", shapes::table(&rows));
    let Some(results) = &run.results else {
        return Ok(());
    };
    let about = machine::about(run.rounds, 64);
    write(
        &results.with_extension("json"),
        &shapes::json(&rows, &about),
    )
}

fn visit(visits: &Visits) -> Outcome<()> {
    let choices = Choices {
        rate: visits.rate.map(f64::from),
        sessions: visits.sessions.map(usize::from),
        seconds: visits.seconds.map(f64::from),
        milliseconds: visits.milliseconds,
    };
    visits::run_all(&visits.target, &visits.scripts, &choices)
}

fn programs(run: &Run) -> Programs {
    Programs {
        dist: run.dist.clone(),
        release: run.release.clone(),
    }
}

fn options(run: &Run) -> Options {
    Options {
        rounds: run.rounds.into(),
        row: Duration::from_secs_f64(run.row),
        paced: Duration::from_secs_f64(run.row * 1.5),
        connections: run.connections,
    }
}

fn compare(run: &Run) -> Outcome<()> {
    let stage = Stage::set()?;
    let field = Field::start(&stage, &programs(run), run.connections, run.all)?;
    let compared = field.measure(&options(run))?;
    println!("{}", compared.table());
    let Some(results) = &run.results else {
        return Ok(());
    };
    let about = machine::about(run.rounds, run.connections);
    write(&results.with_extension("json"), &compared.json(&about))
}

fn write(path: &Path, value: &serde_json::Value) -> Outcome<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, serde_json::to_string_pretty(value)? + "\n")?;
    println!("written: {}", path.display());
    Ok(())
}

fn record(run: &Profile) -> Outcome<()> {
    let side = if run.bare { Side::Same } else { Side::Gateway };
    if run.instructions {
        let requests = profile::count(side, &run.program, &run.output)?;
        println!("{requests} requests counted; read it by callgrind_annotate --inclusive=yes");
        return Ok(());
    }
    let requests = profile::record(side, &run.program, run.seconds, &run.output)?;
    println!("{requests} requests in the time that was sampled and a second more");
    Ok(())
}

fn measure(run: &Run) -> Outcome<()> {
    let programs = programs(run);
    let stage = Stage::set()?;
    let sides = sides(&stage, &programs, run.connections)?;
    let report = Report {
        costs: costs(&sides, &programs, run)?,
        round_trips: round_trips(&sides)?,
        memory: memory::all(&sides, &programs)?,
        rows: sides.measure(&options(run))?,
    };
    println!("{}", report.table());
    let Some(results) = &run.results else {
        return Ok(());
    };
    let about = machine::about(run.rounds, run.connections);
    let title = "Requests per CPU second: tokenbridge over bare Pingora 0.9.1";
    write(&results.with_extension("json"), &report.json(&about))?;
    std::fs::write(results.with_extension("svg"), chart::svg(&report, title))?;
    Ok(())
}

fn sides<'s>(stage: &'s Stage, programs: &Programs, sessions: usize) -> Outcome<Sides<'s>> {
    let start = |side: Side, cold: bool| {
        let manner = Manner {
            cold,
            ..Manner::default()
        };
        Target::start(stage, side, &programs.of(side).0, &manner)
    };
    let warm = start(Side::Gateway, false)?;
    let tickets = stage.log_in(&warm.url(), sessions)?;
    Ok(Sides {
        stage,
        stock: start(Side::Stock, false)?,
        same: start(Side::Same, false)?,
        cold: start(Side::Gateway, true)?,
        warm,
        tickets,
    })
}

fn costs(sides: &Sides<'_>, programs: &Programs, run: &Run) -> Outcome<Costs> {
    let mut costs = Costs::new();
    // Four connections are enough for what is counted.
    let tickets = sides.tickets.get(..4).unwrap_or(&sides.tickets);
    counting::allocations(sides.stage, programs, tickets, &mut costs)?;
    if !run.without_callgrind {
        counting::instructions(sides.stage, programs, tickets, &mut costs)?;
    }
    for ((scenario, side), cost) in &mut costs {
        let target = sides.target(*scenario, *side);
        cost.system_calls = counting::system_calls(target, *scenario, *side, tickets)?;
    }
    Ok(costs)
}

/// How often the store is asked for each request of a cached session.
fn round_trips(sides: &Sides<'_>) -> Outcome<f64> {
    const REQUESTS: u64 = 10_000;
    let ask = sides.ask(Scenario::Warm, Side::Gateway);
    send(&sides.warm, Scenario::Warm.wire(), &ask, 200)?;
    let before = sides.warm.store_reads()?;
    send(&sides.warm, Scenario::Warm.wire(), &ask, REQUESTS)?;
    let asked = sides.warm.store_reads()? - before;
    Ok(asked as f64 / REQUESTS as f64)
}
