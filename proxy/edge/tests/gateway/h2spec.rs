//! The conformance suite for HTTP/2 (h2spec) at the TLS listener. `make test` brings the program
//! and runs this.

use std::time::Duration;

use tokio::process::Command;

use crate::support::recorder::{Recorder, Reply};
use crate::support::transport::Transport;

/// Far more than the suite takes.
const BOUND: Duration = Duration::from_secs(300);
/// A suite that runs a few of its cases only would pass as well.
const CASES: u32 = 146;

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs h2spec: make test"]
async fn every_case_of_the_conformance_suite_passes() {
    let program = std::env::var_os("H2SPEC").expect("run this by proxy/devkit/scripts/h2spec.sh");
    // Some cases look at how an answer's body is cut to a small window.
    let body = "abcdefghijklmnopqrstuvwxyz";
    let reply = format!("HTTP/1.1 200 OK\r\nContent-Length: 26\r\n\r\n{body}").into_bytes();
    let upstream = Recorder::start_with(move |_| Reply::Bytes(reply.clone())).await;
    let transport = Transport::start_at(upstream, |_| {}).await;
    let run = Command::new(program)
        .args(["--host", "localhost", "--tls", "--insecure", "--strict"])
        .args(["--port", &transport.tls_port.to_string()])
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(BOUND, run).await;
    let output = output.expect("the suite ends").unwrap();
    let told = String::from_utf8_lossy(&output.stdout);
    let last = told.lines().rev().find(|line| line.contains(" tests, "));
    let all = format!("{CASES} tests, {CASES} passed, 0 skipped, 0 failed");
    let log = transport.gateway.log();
    assert_eq!(last, Some(all.as_str()), "{told}\n{log}");
    assert!(output.status.success(), "{told}\n{log}");
    eprintln!("h2spec: {all}");
}
