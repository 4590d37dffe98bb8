//! `cargo xtask test`: everything that CI checks, step by step.

use anyhow::{Context, bail};
use std::{
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

/// Version of cargo-deny that is installed where there is none.
const CARGO_DENY: &str = "0.20.2";

/// Runs all checks; stops at the first that fails.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    let started = Instant::now();
    step("format", cargo(root).args(["fmt", "--all", "--check"]))?;
    step(
        "lints",
        cargo(root).args(["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"]),
    )?;
    let deny = cargo_deny(root)?;
    // cargo-deny looks at the dependencies of every platform, a build only fetches those of this one.
    step("fetch", cargo(root).args(["fetch", "--locked", "--quiet"]))?;
    step(
        "licences, bans and sources of dependencies",
        Command::new(deny).current_dir(root).args([
            "--offline",
            "check",
            "--hide-inclusion-graph",
            "bans",
            "licenses",
            "sources",
        ]),
    )?;
    say("== clients for the tests");
    crate::clients::install(root).iter().for_each(|problem| say(&format!("   not installed: {problem}")));
    let skipped = root.join("target").join("skipped-tests");
    // Left over from an earlier run, or not there at all.
    let _ = std::fs::remove_file(&skipped);
    step(
        "tests",
        cargo(root).args(["test", "--workspace", "--no-fail-fast"]).env("VIGIE_SKIPPED_TESTS", &skipped),
    )?;
    report_skipped(&skipped)?;
    say(&format!("all checks passed in {} s", started.elapsed().as_secs()));
    Ok(())
}

/// Lists the tests that could not run here; in CI there must be none.
fn report_skipped(file: &Path) -> anyhow::Result<()> {
    let skipped = std::fs::read_to_string(file).unwrap_or_default();
    for line in skipped.lines() {
        say(&format!("skipped: {line}"));
    }
    if !skipped.is_empty() && std::env::var_os("CI").is_some() {
        bail!("{} tests were skipped that CI must run", skipped.lines().count());
    }
    Ok(())
}

fn cargo(root: &Path) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root);
    command
}

fn step(name: &str, command: &mut Command) -> anyhow::Result<()> {
    say(&format!("== {name}"));
    let started = Instant::now();
    let status = command.status().with_context(|| format!("{name}: cannot start {command:?}"))?;
    if !status.success() {
        bail!("{name}: failed ({status})");
    }
    say(&format!("   {name}: {:.0} s", started.elapsed().as_secs_f64()));
    Ok(())
}

/// Path of cargo-deny; installed below `target/` if the machine has none.
fn cargo_deny(root: &Path) -> anyhow::Result<PathBuf> {
    let works = |path: &Path| {
        Command::new(path).arg("--version").output().is_ok_and(|output| output.status.success())
    };
    let own = root.join("target/tools/bin/cargo-deny");
    let found = [PathBuf::from("cargo-deny"), own.clone()].into_iter().find(|path| works(path));
    match found {
        Some(path) => Ok(path),
        None => {
            let tools = root.join("target/tools");
            let mut install = cargo(root);
            install
                .args(["install", "cargo-deny", "--locked", "--quiet", "--version", CARGO_DENY, "--root"])
                .arg(tools);
            step("install cargo-deny", &mut install)?;
            Ok(own)
        }
    }
}

#[expect(clippy::print_stdout, reason = "this is what a developer command is for")]
fn say(line: &str) {
    println!("{line}");
}
