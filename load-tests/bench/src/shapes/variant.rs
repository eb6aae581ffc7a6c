//! What is compared: the same proxy, its threads laid out otherwise or with another allocator.

use std::path::Path;

use crate::Outcome;
use crate::stage::Stage;
use crate::target::{Manner, Side, Target};

/// One way to build and run the bare proxy.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// Its name in table and JSON.
    pub name: &'static str,
    program: &'static str,
    shape: &'static str,
    /// jemalloc's options.
    options: Option<&'static str>,
}

const fn shape(name: &'static str, shape: &'static str) -> Variant {
    Variant {
        name,
        program: "bare-same",
        shape,
        options: None,
    }
}

const fn allocator(
    name: &'static str,
    program: &'static str,
    options: Option<&'static str>,
) -> Variant {
    Variant {
        name,
        program,
        shape: "per-core",
        options,
    }
}

impl Variant {
    /// All of them; the others are compared with the first, which is the gateway's own.
    pub const ALL: [Self; 9] = [
        shape("per core, mimalloc", "per-core"),
        shape("per core, scheduler that steals", "per-core-stealing"),
        shape("one service, stealing", "stealing"),
        shape("one service, not stealing", "pinned"),
        shape("one service, listener tasks", "listener-tasks"),
        allocator("per core, glibc", "bare-glibc", None),
        allocator("per core, jemalloc", "bare-jemalloc", None),
        // Up to 128 KiB a thread keeps what it has freed: each answer's buffer has 64 KiB, and
        // jemalloc's own bound is 32.
        allocator(
            "per core, jemalloc, large cache",
            "bare-jemalloc",
            Some("lg_tcache_max:17"),
        ),
        // What a program has that is built without a thought.
        Self {
            name: "one service, stealing, glibc",
            program: "bare-glibc",
            shape: "stealing",
            options: None,
        },
    ];

    /// Starts it.
    ///
    /// # Errors
    /// It is not built, or does not start.
    pub fn start(&self, stage: &Stage, dist: &Path) -> Outcome<Target> {
        let program = dist.join(self.program);
        if !program.is_file() {
            return Err(format!(
                "{} is missing: `make bench-shapes` builds it",
                program.display()
            )
            .into());
        }
        let options = self
            .options
            .map(|options| ("_RJEM_MALLOC_CONF", options.to_owned()));
        let manner = Manner {
            environment: options.into_iter().collect(),
            arguments: vec!["--shape".to_owned(), self.shape.to_owned()],
            ..Manner::default()
        };
        Target::start(stage, Side::Same, &program, &manner)
    }
}
