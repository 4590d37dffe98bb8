//! What a process has used, from Linux's `/proc` (proc(5)).

use anyhow::Context;
use std::path::Path;

/// Clock ticks of `/proc` per second: 100 on every Linux that runs Rust (`USER_HZ`).
const TICKS_PER_SEC: f64 = 100.0;

/// Processor time used so far, user and system, in seconds.
pub(crate) fn cpu_secs(pid: u32) -> anyhow::Result<f64> {
    let stat =
        std::fs::read_to_string(format!("/proc/{pid}/stat")).context("no /proc: benchmarks need Linux")?;
    // The second member is the command in parentheses and may hold spaces: count from behind it.
    let rest = stat.rsplit_once(')').context("unexpected /proc/PID/stat")?.1;
    let ticks: f64 =
        rest.split_whitespace().skip(11).take(2).filter_map(|text| text.parse::<f64>().ok()).sum();
    Ok(ticks / TICKS_PER_SEC)
}

/// Largest resident memory so far, in MiB.
pub(crate) fn peak_memory_mib(pid: u32) -> anyhow::Result<f64> {
    status_mib(pid, "VmHWM:")
}

/// Resident memory, in MiB.
pub(crate) fn memory_mib(pid: u32) -> anyhow::Result<f64> {
    status_mib(pid, "VmRSS:")
}

fn status_mib(pid: u32, name: &str) -> anyhow::Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let line = line.with_context(|| format!("no {name} in /proc/PID/status"))?;
    let kib: f64 = line.split_whitespace().next().context("no number in /proc/PID/status")?.parse()?;
    Ok(kib / 1024.0)
}

/// Bytes of all files below a directory.
pub(crate) fn directory_bytes(path: &Path) -> anyhow::Result<u64> {
    let mut sum = 0;
    for entry in std::fs::read_dir(path)? {
        let entry = entry?;
        // A merge may remove a file meanwhile.
        let Ok(metadata) = entry.metadata() else { continue };
        sum += if metadata.is_dir() { directory_bytes(&entry.path())? } else { metadata.len() };
    }
    Ok(sum)
}
