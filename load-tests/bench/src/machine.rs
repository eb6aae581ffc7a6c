//! What the figures were measured on.

use serde_json::{Value, json};

/// The processor, the kernel and the number of cores, and how the run was made.
pub fn about(rounds: u16, connections: usize) -> Value {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let cpu = read("/proc/cpuinfo");
    let cpu = cpu.lines().find_map(|line| line.strip_prefix("model name"));
    let load = read("/proc/loadavg");
    json!({
        "version": env!("CARGO_PKG_VERSION"),
        "processor": cpu.map(|cpu| cpu.trim_start_matches([' ', '\t', ':'])),
        "cores": tokenbridge_bare::shape::cores(),
        "kernel": read("/proc/sys/kernel/osrelease").trim(),
        "load_average_at_the_end": load.split(' ').next(),
        "rounds": rounds,
        "connections": connections,
    })
}
