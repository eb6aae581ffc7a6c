//! What is compared: the same proxy, one thing about it changed.

use std::path::Path;

use crate::Outcome;
use crate::stage::Stage;
use crate::target::{Manner, Side, Target};

/// One way to build and run the bare proxy.
#[derive(Clone, Copy, Debug)]
pub struct Variant {
    /// Its name in table and JSON.
    pub name: &'static str,
    /// cargo's profile.
    profile: &'static str,
    program: &'static str,
    arguments: &'static [&'static str],
    /// jemalloc's options.
    options: Option<&'static str>,
}

/// The gateway's own, but not guided by counts: those of deploy/dist.profdata are of one shape.
const OWN: Variant = Variant {
    name: "per core, mimalloc",
    profile: "dist-unguided",
    program: "bare-same",
    arguments: &["--shape", "per-core"],
    options: None,
};

const fn run_with(name: &'static str, arguments: &'static [&'static str]) -> Variant {
    Variant {
        name,
        arguments,
        ..OWN
    }
}

const fn program(name: &'static str, program: &'static str) -> Variant {
    Variant {
        name,
        program,
        ..OWN
    }
}

const fn profile(name: &'static str, profile: &'static str) -> Variant {
    Variant {
        name,
        profile,
        ..OWN
    }
}

impl Variant {
    /// All of them; the others are compared with the first.
    pub const ALL: [Self; 19] = [
        OWN,
        run_with(
            "per core, scheduler that steals",
            &["--shape", "per-core-stealing"],
        ),
        run_with("one service, stealing", &["--shape", "stealing"]),
        run_with("one service, not stealing", &["--shape", "pinned"]),
        run_with(
            "one service, listener tasks",
            &["--shape", "listener-tasks"],
        ),
        program("per core, glibc", "bare-glibc"),
        program("per core, jemalloc", "bare-jemalloc"),
        // Up to 128 KiB a thread keeps what it has freed: each answer's buffer has 64 KiB, and
        // jemalloc's own bound is 32.
        Self {
            options: Some("lg_tcache_max:17"),
            ..program("per core, jemalloc, large cache", "bare-jemalloc")
        },
        // What a program has that is built without a thought.
        Self {
            program: "bare-glibc",
            ..run_with("one service, stealing, glibc", &["--shape", "stealing"])
        },
        // The first has a read buffer of 16 KiB and the framework's write buffer, 1,460 bytes.
        run_with("read buffer 64 KiB", &["--read-buffer", "65536"]),
        run_with("read buffer 4 KiB", &["--read-buffer", "4096"]),
        run_with("no read buffer", &["--read-buffer", "0"]),
        run_with("no write buffer", &["--write-buffer", "0"]),
        run_with("write buffer 16 KiB", &["--write-buffer", "16384"]),
        // The first has the framework's 128.
        run_with("upstream pool of 8", &["--upstream-pool", "8"]),
        run_with("upstream pool of 1,024", &["--upstream-pool", "1024"]),
        // The first has fat LTO and one codegen unit.
        profile("guided by counts", "dist"),
        profile("thin LTO, 16 codegen units", "dist-thin"),
        profile("no LTO across crates, 16 codegen units", "release"),
    ];

    /// Those whose names hold one of these texts, behind the first; without texts all.
    ///
    /// # Errors
    /// No name holds one of the texts.
    pub fn named(texts: &[String]) -> Outcome<Vec<Self>> {
        let holds = |variant: &Self, text: &String| variant.name.contains(text.as_str());
        let nowhere = texts
            .iter()
            .find(|text| !Self::ALL.iter().any(|variant| holds(variant, text)));
        if let Some(text) = nowhere {
            let there_are = Self::ALL.map(|variant| variant.name).join("; ");
            return Err(format!("no row has {text} in its name; there are: {there_are}").into());
        }
        let wanted = |(number, variant): &(usize, Self)| {
            *number == 0 || texts.is_empty() || texts.iter().any(|text| holds(variant, text))
        };
        let all = Self::ALL.into_iter().enumerate();
        Ok(all.filter(wanted).map(|(_, variant)| variant).collect())
    }

    /// What the program is told.
    pub fn arguments(&self) -> Vec<String> {
        self.arguments.iter().map(ToString::to_string).collect()
    }

    /// Starts it; `builds` is the folder with a folder for each profile.
    ///
    /// # Errors
    /// It is not built, or does not start.
    pub fn start(&self, stage: &Stage, builds: &Path) -> Outcome<Target> {
        let program = builds.join(self.profile).join(self.program);
        if !program.is_file() {
            let program = program.display();
            return Err(format!("{program} is missing: `make bench-shapes` builds it").into());
        }
        let options = self
            .options
            .map(|options| ("_RJEM_MALLOC_CONF", options.to_owned()));
        let manner = Manner {
            environment: options.into_iter().collect(),
            arguments: self.arguments(),
            ..Manner::default()
        };
        Target::start(stage, Side::Same, &program, &manner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(texts: &[&str]) -> Vec<&'static str> {
        let texts: Vec<_> = texts.iter().map(ToString::to_string).collect();
        let named = Variant::named(&texts).unwrap();
        named.iter().map(|variant| variant.name).collect()
    }

    #[test]
    fn chosen_rows_come_with_the_one_that_they_are_compared_with() {
        assert_eq!(names(&[]).len(), Variant::ALL.len());
        assert_eq!(
            names(&["pool of 8", "thin"]),
            [OWN.name, "upstream pool of 8", "thin LTO, 16 codegen units"]
        );
        assert_eq!(names(&[OWN.name]), [OWN.name]);
    }

    #[test]
    fn a_row_that_is_not_there_is_refused_with_those_that_are() {
        let refused = Variant::named(&["tcmalloc".to_owned()]).err().unwrap();
        assert!(
            refused.to_string().contains("per core, jemalloc;"),
            "{refused}"
        );
    }
}
