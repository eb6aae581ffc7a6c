//! The shell scripts: where load may go, what they say of numbers that are none and of tools that
//! are missing, and that they notice wrong answers.

#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use tokenbridge_bench::tools;

fn project() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn bash(arguments: &[&str]) -> Command {
    let mut command = Command::new("bash");
    command.args(arguments).current_dir(project());
    for name in ["TARGET", "ALLOW_REMOTE", "CONNECTIONS", "DURATION", "RATE"] {
        command.env_remove(name);
    }
    command
}

fn told(output: &Output) -> String {
    let (out, error) = (&output.stdout, &output.stderr);
    String::from_utf8_lossy(out).into_owned() + &String::from_utf8_lossy(error)
}

/// What a test runs has to be there; without it nothing would be tested, and that is no pass.
fn need(programs: &[&str]) {
    for program in programs {
        let found = tools::find((program, ""));
        assert!(
            found.is_ok(),
            "{program} is missing; `make test` installs it"
        );
    }
}

#[test]
fn a_number_that_is_none_is_named_with_its_value_and_the_fix() {
    for script in ["run.sh", "wrk/rows.sh", "oha/rows.sh"] {
        let script = format!("load-tests/{script}");
        for (name, right) in [
            ("CONNECTIONS", "64"),
            ("DURATION", "5"),
            ("RATE", "500"),
            ("PEAK", "600"),
            ("SESSIONS", "1000"),
            ("LASTS", "60"),
            ("LATENCY", "500"),
            ("LIMIT", "1800"),
        ] {
            for wrong in ["abc", "0", "-1", "1.5", "99999999999999999999"] {
                let output = bash(&[&script]).env(name, wrong).output().unwrap();
                let told = told(&output);
                assert!(!output.status.success(), "{script} {name}={wrong}");
                assert!(told.contains(&format!("{name} is \"{wrong}\"")), "{told}");
                assert!(told.contains(&format!("set {name}={right}")), "{told}");
            }
        }
    }
}

/// Whether a target may be loaded, and what is said.
fn check_target(target: &str) -> (bool, String) {
    let output = bash(&["-c", ". load-tests/target.sh; check_target"])
        .env("TARGET", target)
        .output()
        .unwrap();
    (output.status.success(), told(&output))
}

#[test]
fn only_this_machine_is_loaded_over_http_and_https() {
    for here in [
        "http://localhost:8080",
        "https://localhost:8443",
        "https://127.0.0.1",
        "https://[::1]:8443/",
    ] {
        assert!(check_target(here).0, "{here}");
    }
    for elsewhere in [
        "https://example.com",
        "https://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "https://localhost:8443.evil.example",
        "http://localhost@evil.example/",
        "https://localhost:8443@evil.example",
        "http://localhost\\@evil.example",
        "http://localhost#@evil.example",
        "ftp://localhost",
        "http://localhost\nhttp://evil.example",
    ] {
        let (allowed, told) = check_target(elsewhere);
        assert!(!allowed, "{elsewhere}");
        assert!(told.contains("load-test: "), "{elsewhere}: {told}");
    }
}

/// Answers each request by `answer`, which gets its head, for as long as the test lasts.
fn serve(answer: impl Fn(&str) -> String + Send + Sync + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let answer = Arc::new(answer);
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answer = answer.clone();
            std::thread::spawn(move || converse(stream, answer.as_ref()));
        }
    });
    origin
}

fn converse(mut stream: TcpStream, answer: &dyn Fn(&str) -> String) -> Option<()> {
    let mut head = Vec::new();
    let mut byte = [0];
    loop {
        stream.read_exact(&mut byte).ok()?;
        head.extend(byte);
        if head.ends_with(b"\r\n\r\n") {
            let asked = String::from_utf8_lossy(&head).to_ascii_lowercase();
            head.clear();
            let length = asked.split("content-length: ").nth(1);
            let length = length.and_then(|rest| rest.lines().next()?.parse().ok());
            stream.read_exact(&mut vec![0; length.unwrap_or(0)]).ok()?;
            stream.write_all(answer(&asked).as_bytes()).ok()?;
        }
    }
}

fn page(status: &str, fields: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{fields}Content-Length: {length}\r\n\r\n{body}")
}

#[test]
fn a_login_that_is_redirected_elsewhere_is_refused_before_anybody_goes_there() {
    need(&["curl"]);
    for leads in [
        "https://id.example.com/authorize",
        "http://localhost.evil.example/",
        "http://127.0.0.1.evil.example/",
        "http://localhost@evil.example/",
    ] {
        // The first redirect stays here, the second one does not.
        let origin = serve(move |asked| match asked.starts_with("get /next") {
            true => page("302 Found", &format!("Location: {leads}\r\n"), ""),
            false => page("302 Found", "Location: /next\r\n", ""),
        });
        let output = bash(&["-c", ". load-tests/target.sh; log_in alice wonderland"])
            .env("TARGET", origin)
            .output()
            .unwrap();
        let told = told(&output);
        assert!(!output.status.success(), "{leads}: {told}");
        assert!(told.contains("ALLOW_REMOTE=1"), "{leads}: {told}");
        assert!(!told.contains("Could not resolve"), "{leads}: {told}");
    }
}

/// A gateway as `wrk/rows.sh` sees it. What has no session is answered `refused` on kept
/// connections; curl, which looks before and after, is answered 401.
fn gateway(refused: &'static str) -> String {
    serve(move |asked| {
        if asked.starts_with("get /auth/login") {
            let form =
                "<form method=\"post\" action=\"/form\"><input name=\"request\" value=\"1\">";
            page("200 OK", "", form)
        } else if asked.starts_with("post /form") {
            page("200 OK", "Set-Cookie: bff_session=x; Path=/\r\n", "")
        } else if asked.starts_with("get / ") || asked.contains("cookie: bff_session=x") {
            page("200 OK", "", "")
        } else if asked.contains("user-agent: curl") {
            page("401 Unauthorized", "", "")
        } else {
            page(refused, "", "")
        }
    })
}

fn rows_by_wrk(refused: &'static str) -> Output {
    bash(&["load-tests/wrk/rows.sh"])
        .envs([("TARGET", gateway(refused).as_str()), ("DURATION", "1")])
        .env("CONNECTIONS", "1")
        .output()
        .unwrap()
}

#[test]
fn a_row_of_refusals_fails_where_an_answer_is_another_error_than_401() {
    need(&["curl", "wrk"]);
    let right = rows_by_wrk("401 Unauthorized");
    assert!(right.status.success(), "{}", told(&right));
    let wrong = rows_by_wrk("500 Internal Server Error");
    assert!(!wrong.status.success());
    assert!(
        told(&wrong).contains("of the answers were not 401"),
        "{}",
        told(&wrong)
    );
}

/// A PATH with nothing but what a script needs to begin.
fn bare_path() -> tempfile::TempDir {
    let folder = tempfile::TempDir::new().unwrap();
    for program in ["bash", "dirname", "mkdir", "id", "env"] {
        let found = tools::find((program, "")).unwrap();
        std::os::unix::fs::symlink(found, folder.path().join(program)).unwrap();
    }
    folder
}

fn without_tools(script: &str, arguments: &[&str]) -> Output {
    let path = bare_path();
    let builds = tempfile::TempDir::new().unwrap();
    bash(&[&[script], arguments].concat())
        .env("PATH", path.path())
        .env("CARGO", "no-cargo-here")
        .env("CARGO_TARGET_DIR", builds.path())
        .output()
        .unwrap()
}

#[test]
fn a_missing_tool_is_named_with_the_command_that_installs_it_also_without_apt_get() {
    for (group, command) in [
        ("load", "apt-get install -y wrk curl"),
        ("timing", "apt-get install -y util-linux"),
        ("bench", "apt-get install -y valgrind"),
    ] {
        let output = without_tools("proxy/devkit/scripts/tools.sh", &[group]);
        assert!(!output.status.success(), "{group}");
        assert!(told(&output).contains(command), "{}", told(&output));
    }
    for (tool, commands) in [
        (
            "oha",
            ["cargo install --locked oha@", "https://sh.rustup.rs"],
        ),
        (
            "oauth2-proxy",
            ["go install ", "apt-get install -y golang-go"],
        ),
    ] {
        let output = without_tools("load-tests/tools.sh", &[tool]);
        assert!(!output.status.success(), "{tool}");
        for command in commands {
            assert!(told(&output).contains(command), "{}", told(&output));
        }
    }
}

#[test]
fn all_that_a_run_needs_is_looked_for_before_the_first_measurement() {
    let path = bare_path();
    let output = Command::new(env!("CARGO_BIN_EXE_bench"))
        .args(["run", "--dist", "nowhere", "--release", "nowhere"])
        .env("PATH", path.path())
        .output()
        .unwrap();
    assert!(!output.status.success());
    for command in ["util-linux", "valgrind", "redis-server"] {
        let command = format!("apt-get install -y {command}");
        assert!(told(&output).contains(&command), "{}", told(&output));
    }
}

#[test]
fn what_is_set_for_a_script_reaches_k6_and_replaces_its_own_bound() {
    need(&["curl"]);
    let folder = tempfile::TempDir::new().unwrap();
    // k6 is not installed by anybody here: this one tells what it was given.
    let program = folder.path().join("k6");
    std::fs::write(&program, "#!/bin/sh\necho \"k6 $*\"\n").unwrap();
    let runs = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&program, runs).unwrap();
    let path = format!("{}:/usr/bin:/bin", folder.path().display());
    let target = serve(|_| page("200 OK", "", ""));
    let scripts = ["journey", "mixed", "ramp", "spike", "soak"];
    let mut run = bash(&[&["load-tests/run.sh"], &scripts[..]].concat());
    run.envs([("TARGET", target.as_str()), ("PATH", &path)]);
    run.envs([("RUNNER", "k6"), ("LATENCY", "77"), ("SESSIONS", "5")]);
    let output = run.output().unwrap();
    let told = told(&output);
    assert!(output.status.success(), "{told}");
    let given = "-e SESSIONS=5 -e LATENCY=77";
    assert_eq!(told.matches(given).count(), scripts.len(), "{told}");
    for script in scripts {
        let file = project().join(format!("load-tests/k6/{script}.js"));
        let text = std::fs::read_to_string(file).unwrap();
        let replaced = text.matches(")<${__ENV.LATENCY || ").count();
        let bounds = text.matches("p(9").count();
        assert!(bounds > 0 && bounds == replaced, "{script}");
    }
}
