//! What operators copy: checked as far as it can be without a container engine.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn read(path: &str) -> String {
    std::fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[test]
fn the_containers_sources_and_program_exist() {
    let text = read("deploy/Containerfile");
    for line in text
        .lines()
        .filter(|line| line.starts_with("COPY ") && !line.contains("--from"))
    {
        let words: Vec<&str> = line.split_whitespace().skip(1).collect();
        for source in &words[..words.len() - 1] {
            assert!(root().join(source).exists(), "{source} of {line:?}");
        }
    }
    assert!(text.contains("RUN make dist") && text.contains("target/dist/tokenbridge"));
    assert!(read("Cargo.toml").contains("[profile.dist]"));
    assert!(
        text.contains("USER 65532"),
        "the gateway does not run as root"
    );
}

#[test]
fn the_deployed_build_is_guided_by_counts_that_are_there() {
    let makefile = read("Makefile");
    let (_, dist) = makefile.split_once("\ndist: ").unwrap();
    let (dist, _) = dist.split_once("\n\n").unwrap();
    assert!(
        dist.contains("$(GUIDED)") && dist.contains("--bin tokenbridge"),
        "{dist}"
    );
    assert!(makefile.contains("-Cprofile-use=$(CURDIR)/deploy/dist.profdata"));
    let counts = std::fs::read(root().join("deploy/dist.profdata")).unwrap();
    // How LLVM's indexed profiles begin.
    assert!(counts.starts_with(b"\xfflprofi\x81"));
}

#[test]
fn the_compose_file_needs_nothing_but_its_folder_and_the_image() {
    let compose = read("deploy/compose.yaml");
    assert!(compose.contains("-f deploy/Containerfile -t tokenbridge"));
    assert!(compose.contains("image: tokenbridge\n"));
    for outside in ["build:", "context:", ".."] {
        assert!(!compose.contains(outside), "{outside}");
    }
}

/// The seconds behind a name.
fn seconds(text: &str, name: &str) -> u64 {
    let rest = text.split(name).nth(1).unwrap();
    let digits = rest.trim_start().split(|c: char| !c.is_ascii_digit());
    digits.into_iter().next().unwrap().parse().unwrap()
}

#[test]
fn a_stop_may_take_as_long_as_the_gateway_may_need() {
    let page = read("docs/configuration.md");
    let default = |key: &str| seconds(&page, &format!("| `drain.{key}` | duration | `"));
    let answers_of_the_provider = 12;
    let needed = default("grace_period") + default("timeout") + answers_of_the_provider;
    for (file, name) in [
        ("deploy/compose.yaml", "stop_grace_period:"),
        ("deploy/systemd/tokenbridge.service", "TimeoutStopSec="),
    ] {
        let text = read(file);
        assert!(seconds(&text, name) > needed, "{file}: {needed}");
        let comment = "drain.grace_period, drain.timeout and 12 s for answers of the provider";
        assert!(text.contains(comment), "{file}");
    }
}

#[test]
fn the_compose_files_secrets_reach_neither_the_repository_nor_an_image() {
    let ignored = |file, line| read(file).lines().any(|other| other == line);
    assert!(ignored(".gitignore", "/deploy/secrets/"));
    assert!(ignored(".dockerignore", "deploy/secrets"));
    assert!(read("deploy/compose.yaml").contains("mkdir -p secrets"));
}

#[test]
fn the_compose_files_configuration_can_be_used() {
    let compose = read("deploy/compose.yaml");
    assert!(compose.contains("./conf:/etc/tokenbridge") && compose.contains("noeviction"));
    let folder = TempDir::new().unwrap();
    let secrets = [
        ("client_secret", "s3cret"),
        (
            "encryption_key",
            "k1:MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
        ),
    ];
    for (name, value) in secrets {
        assert!(
            compose.contains(&format!("file: ./secrets/{name}")),
            "{name} is a secret of the compose file"
        );
        std::fs::write(folder.path().join(name), value).unwrap();
    }
    for file in ["routes.yaml", "settings.yaml"] {
        let text = read(&format!("deploy/conf/{file}"))
            .replace("/run/secrets", folder.path().to_str().unwrap());
        std::fs::write(folder.path().join(file), text).unwrap();
    }
    let output = Command::new(env!("CARGO_BIN_EXE_tokenbridge"))
        .args(["check", "--config"])
        .arg(folder.path())
        .output()
        .unwrap();
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stdout)
    );
}

#[test]
fn the_systemd_unit_starts_the_program_as_it_wants_to_be_started() {
    let unit = read("deploy/systemd/tokenbridge.service");
    assert!(unit.contains("ExecStart=/usr/local/bin/tokenbridge run --config /etc/tokenbridge"));
    assert!(unit.contains("NoNewPrivileges=yes") && unit.contains("DynamicUser=yes"));
    // A new process tells that it is the main one (sd_notify), and is no child of the old one.
    for line in [
        "Type=notify",
        "NotifyAccess=all",
        "RuntimeDirectory=tokenbridge",
    ] {
        assert!(unit.lines().any(|other| other == line), "{line}");
    }
    assert!(unit.contains("tokenbridge run --config /etc/tokenbridge --upgrade &"));
    let verify = Command::new("systemd-analyze")
        .arg("verify")
        .arg(root().join("deploy/systemd/tokenbridge.service"))
        .output();
    let Ok(verify) = verify else {
        println!("systemd-analyze is not installed: the unit's syntax is not checked");
        return;
    };
    let complaints = String::from_utf8_lossy(&verify.stderr).into_owned();
    let ours = complaints
        .lines()
        .filter(|line| line.contains("tokenbridge.service"));
    let ours: Vec<&str> = ours
        .filter(|line| !line.contains("is not executable"))
        .collect();
    assert!(ours.is_empty(), "{ours:?}");
}
