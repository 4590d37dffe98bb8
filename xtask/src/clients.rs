//! Real clients of Elasticsearch and OpenSearch for the tests, installed below `target/clients`: Python packages in an
//! environment each, rsyslog out of Debian's packages. Nothing on the machine is changed.

use anyhow::{Context, ensure};
use std::{fs, path::Path, process::Command};

/// Environments with the Python package that each holds.
const PYTHON: &[(&str, &str)] = &[
    ("elasticsearch-7.10", "elasticsearch==7.10.1"),
    ("elasticsearch-7.17", "elasticsearch==7.17.12"),
    ("elasticsearch-8", "elasticsearch==8.19.3"),
    ("opensearch-2", "opensearch-py==2.8.0"),
];
/// Packages that rsyslog with its Elasticsearch output is made of.
const RSYSLOG: &[&str] = &["rsyslog", "rsyslog-elasticsearch", "libestr0", "libfastjson4", "liblognorm5"];
/// Written last into a directory that is complete.
const COMPLETE: &str = "complete";

/// Installs what is not there yet; answers what could not be, with the reason.
pub(crate) fn install(root: &Path) -> Vec<String> {
    let clients = root.join("target/clients");
    let mut problems = Vec::new();
    let mut note = |name: &str, outcome: anyhow::Result<()>| {
        if let Err(error) = outcome {
            problems.push(format!("{name}: {error:#}"));
        }
    };
    for (name, package) in PYTHON {
        note(name, once(&clients.join(name), package, |directory| python(directory, package)));
    }
    note("rsyslog", once(&clients.join("rsyslog"), &RSYSLOG.join(" "), rsyslog));
    problems
}

/// Runs that in an empty directory, unless it was done for the same contents before.
fn once(
    directory: &Path,
    contents: &str,
    work: impl FnOnce(&Path) -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let complete = directory.join(COMPLETE);
    if fs::read_to_string(&complete).is_ok_and(|known| known == contents) {
        return Ok(());
    }
    if directory.exists() {
        fs::remove_dir_all(directory)?;
    }
    fs::create_dir_all(directory)?;
    work(directory)?;
    fs::write(complete, contents)?;
    Ok(())
}

fn python(directory: &Path, package: &str) -> anyhow::Result<()> {
    call(Command::new("python3").args(["-m", "venv"]).arg(directory))?;
    let pip = directory.join("bin/pip");
    call(Command::new(pip).args(["install", "--quiet", "--disable-pip-version-check", package]))
}

fn rsyslog(directory: &Path) -> anyhow::Result<()> {
    let mut download = Command::new("apt-get");
    download.args(["download", "-q"]).args(RSYSLOG).current_dir(directory);
    if call(&mut download).is_err() {
        // A fresh machine has no lists of packages; who may not fetch them cannot download either.
        call(Command::new("apt-get").args(["update", "-q"]))?;
        call(&mut download)?;
    }
    for package in fs::read_dir(directory)? {
        let package = package?.path();
        if package.extension().is_some_and(|extension| extension == "deb") {
            call(Command::new("dpkg").arg("-x").arg(&package).arg(directory.join("root")))?;
        }
    }
    Ok(())
}

fn call(command: &mut Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("cannot start {command:?}"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?}: {} {}", output.status, said.trim());
    Ok(())
}
