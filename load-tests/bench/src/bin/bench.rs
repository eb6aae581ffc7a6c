//! The program behind `make bench`.

#![allow(clippy::print_stdout)]

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use serde_json::{Map, Value};
use tokenbridge_bench::command_line::{Command, Profile, Run, Scale, Shapes, Visits};
use tokenbridge_bench::counting::{self, Costs, system_calls};
use tokenbridge_bench::peer_rounds::Field;
use tokenbridge_bench::profile::Subject;
use tokenbridge_bench::report::Report;
use tokenbridge_bench::round::{Options, Sides};
use tokenbridge_bench::scenario::Scenario;
use tokenbridge_bench::shapes::variant::Variant;
use tokenbridge_bench::stage::Stage;
use tokenbridge_bench::target::{Manner, Programs, Side, Target, send};
use tokenbridge_bench::tools::Tool;
use tokenbridge_bench::visits::script::Choices;
use tokenbridge_bench::{
    Outcome, chart, due_index, machine, memory, profile, replicas, scale, scheduling, shapes,
    tools, visits,
};

fn main() -> ExitCode {
    let ended = match Command::parse() {
        Command::Run(run) => measure(&run),
        Command::Peers(run) => compare(&run),
        Command::Shapes(shapes) => compare_shapes(&shapes),
        Command::Profile(run) => record(&run),
        Command::Visits(visits) => visit(&visits),
        Command::DueIndex => {
            due_index::measure(&[1_000, 1_000_000]).map(|shown| println!("{}", shown.table()))
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

/// Checks that what a run needs is there, before the first of its minutes.
fn ready(more: &[Tool]) -> Outcome<()> {
    tools::all(&[&[tools::REDIS, tools::CHRT], more].concat())?;
    scheduling::check()
}

fn grow(run: &Scale) -> Outcome<()> {
    ready(&[])?;
    let mut shown = Map::new();
    if run.sessions != [0] {
        let scaled = scale::measure(&run.sessions)?;
        println!("{}", scaled.table());
        shown.insert("sessions".into(), scaled.json());
    }
    if let Some(dist) = &run.dist {
        let program = dist.join("tokenbridge");
        let row = Duration::from_millis(1_500);
        let replicas = replicas::measure(&program, run.rounds.into(), row)?;
        println!("{}", replicas.table());
        shown.insert("gateways".into(), replicas.json());
    }
    let about = machine::about(run.rounds, replicas::CONNECTIONS);
    shown.insert("about".into(), about);
    match &run.results {
        Some(results) => write(&results.with_extension("json"), &Value::Object(shown)),
        None => Ok(()),
    }
}

fn compare_shapes(run: &Shapes) -> Outcome<()> {
    ready(&[])?;
    let variants = Variant::named(&run.only)?;
    let compared = shapes::measure(&run.builds, variants, run.rounds.into(), run.row)?;
    println!("{}", compared.table());
    let Some(results) = &run.results else {
        return Ok(());
    };
    let about = machine::about(run.rounds, 64);
    write(&results.with_extension("json"), &compared.json(&about))
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
    ready(&[])?;
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
    ready(&[if run.instructions {
        tools::VALGRIND
    } else {
        tools::PERF
    }])?;
    let subject = Subject {
        side: if run.bare { Side::Same } else { Side::Gateway },
        program: &run.program,
        cold: run.cold,
    };
    if run.instructions {
        let requests = profile::count(&subject, &run.output)?;
        println!(
            "{requests} requests counted; read them by callgrind_annotate --inclusive=yes {}.2",
            run.output.display()
        );
        return Ok(());
    }
    let requests = profile::record(&subject, run.seconds, &run.output)?;
    println!("{requests} requests in the time that was sampled and a second more");
    Ok(())
}

fn measure(run: &Run) -> Outcome<()> {
    ready(if run.without_callgrind {
        &[]
    } else {
        &[tools::VALGRIND]
    })?;
    let programs = programs(run);
    let stage = Stage::set()?;
    let sides = sides(&stage, &programs, run.connections)?;
    let mut report = Report {
        costs: costs(&sides, &programs, run)?,
        round_trips: round_trips(&sides)?,
        memory: memory::all(&sides, &programs)?,
        rows: sides.measure(&options(run))?,
        due_index: None,
    };
    drop(sides);
    let looked = match run.due_index.as_slice() {
        [0] => Ok(()),
        numbers => due_index::measure(numbers).map(|shown| report.due_index = Some(shown)),
    };
    tell(run, &report)?;
    // What was measured before it is told all the same.
    looked
}

fn tell(run: &Run, report: &Report) -> Outcome<()> {
    println!("{}", report.table());
    let Some(results) = &run.results else {
        return Ok(());
    };
    let about = machine::about(run.rounds, run.connections);
    let title = "tokenbridge over bare Pingora 0.9.1, medians of ratios within a round";
    write(&results.with_extension("json"), &report.json(&about))?;
    std::fs::write(results.with_extension("svg"), chart::svg(report, title))?;
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
    counting::allocations(sides.stage, programs, tickets, &Scenario::ALL, &mut costs)?;
    if !run.without_callgrind {
        counting::instructions(sides.stage, programs, tickets, &mut costs)?;
    }
    for ((scenario, side), cost) in &mut costs {
        let target = sides.target(*scenario, *side);
        cost.system_calls = system_calls::each(target, *scenario, *side, tickets)?;
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
