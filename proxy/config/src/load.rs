//! A folder with `routes.yaml` and `settings.yaml` to one configuration.

use std::cell::RefCell;
use std::path::Path;

use crate::assembly;
use crate::configuration::{Configuration, Origin};
use crate::missing_audience;
use crate::problem::Report;
use crate::reading::place::{At, Found, Reading};
use crate::reading::section::{Item, Section};
use crate::reading::substitution::Sources;
use crate::reading::text;
use crate::reading::tree::{self, Node};
use crate::{routes, settings};

/// A configuration that may run, and what `check` still has to say about it.
#[derive(Debug)]
pub struct Loaded {
    /// The configuration.
    pub configuration: Configuration,
    /// Problems with which the gateway starts: `check` fails on some of them.
    pub report: Report,
}

/// Reads both files of `folder`. `environment` answers for `${VAR}`.
///
/// # Errors
/// Every problem of both files at once, when one of them keeps the gateway from starting.
pub fn load(folder: &Path, environment: &dyn Fn(&str) -> Option<String>) -> Result<Loaded, Report> {
    let reading = Reading {
        sources: Sources {
            folder,
            environment,
        },
        found: RefCell::default(),
    };
    let configuration = read_folder(&reading, folder);
    let Found {
        mut problems,
        places,
        ..
    } = reading.found.into_inner();
    let configuration = configuration.map(|mut configuration| {
        configuration.origin.places = places;
        problems.extend(missing_audience::find(&configuration));
        configuration
    });
    let report = Report::new(problems);
    match configuration {
        Some(configuration) if !report.has_errors() => Ok(Loaded {
            configuration,
            report,
        }),
        Some(_) | None => Err(report),
    }
}

/// Reads both files as far as they can be read.
pub(crate) fn read_folder(reading: &Reading<'_>, folder: &Path) -> Option<Configuration> {
    let name = |file: &str| folder.join(file).display().to_string();
    let (routes_file, settings_file) = (name("routes.yaml"), name("settings.yaml"));
    let routes_tree = read_file(reading, &routes_file);
    let settings_tree = read_file(reading, &settings_file);
    let routes =
        section(reading, &routes_file, routes_tree.as_ref()).map(|root| routes::read(&root));
    let settings =
        section(reading, &settings_file, settings_tree.as_ref()).map(|root| settings::read(&root));
    let origin = Origin {
        routes_file,
        settings_file,
        places: Default::default(),
    };
    assembly::assemble(routes?, settings?, origin)
}

fn section<'r>(
    reading: &'r Reading<'r>,
    file: &str,
    root: Option<&'r Node>,
) -> Option<Section<'r>> {
    let root = root?;
    let at = At {
        reading,
        file: file.into(),
        line: Some(root.line),
        key: String::new(),
        shape: String::new(),
    };
    Item::new(at, root).section()
}

fn read_file(reading: &Reading<'_>, file: &str) -> Option<Node> {
    let at = |line, key| At {
        reading,
        file: file.into(),
        line,
        key,
        shape: String::new(),
    };
    let text = match text::read(Path::new(file)) {
        Ok(text) => text,
        Err(error) => {
            at(None, String::new()).error(
                format!("cannot be read: {error}"),
                "create the file, or name another folder with --config",
            );
            return None;
        }
    };
    let tree = tree::parse(&text);
    if tree.root.is_none() && tree.problems.is_empty() {
        at(None, String::new()).error("is empty", "fill it as docs/configuration.md shows");
    }
    for problem in tree.problems {
        at(Some(problem.line), problem.key).error(problem.problem, problem.fix);
    }
    tree.root
}
