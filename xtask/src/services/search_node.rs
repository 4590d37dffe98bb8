//! OpenSearch and Elasticsearch from Maven's packages, where no container engine is.

use super::Process;
use anyhow::{Context, bail, ensure};
use std::{
    fs,
    net::TcpListener,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

const SOURCE: &str = include_str!("../../services/SearchNode.java");
/// A cold start on a busy machine takes 45 s.
const PATIENCE: Duration = Duration::from_secs(180);

/// The oldest Java that both servers run on.
const JAVA_LEAST: u32 = 17;

/// The number in `openjdk version "17.0.15" 2025-04-15`; Java 8 calls itself 1.8.
fn java_version(said: &str) -> Option<u32> {
    let version = said.split('"').nth(1)?;
    version.split(['.', '-', '+']).next()?.parse().ok()
}

/// Which server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// OpenSearch 2.19.1.
    OpenSearch,
    /// Elasticsearch 7.10.2.
    Elasticsearch,
}

impl Kind {
    /// Its name with its version.
    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::OpenSearch => "OpenSearch 2.19",
            Self::Elasticsearch => "Elasticsearch 7.10",
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::OpenSearch => "opensearch",
            Self::Elasticsearch => "elasticsearch",
        }
    }

    fn pom(self) -> &'static str {
        match self {
            Self::OpenSearch => include_str!("../../services/opensearch/pom.xml"),
            Self::Elasticsearch => include_str!("../../services/elasticsearch/pom.xml"),
        }
    }

    fn source(self) -> String {
        let (package, node) = match self {
            Self::OpenSearch => {
                ("org.opensearch", "org.codelibs.opensearch.runner.node.OpenSearchRunnerNode")
            }
            Self::Elasticsearch => {
                ("org.elasticsearch", "org.codelibs.elasticsearch.runner.node.ClusterRunnerNode")
            }
        };
        let name = node.rsplit('.').next().unwrap_or(node);
        SOURCE.replace("%PACKAGE%", package).replace("%NODE_NAME%", name).replace("%NODE%", node)
    }
}

/// A running server; ended when dropped.
#[derive(Debug)]
pub(crate) struct SearchNode {
    /// The process.
    pub(crate) process: Process,
    /// Its address.
    pub(crate) url: String,
    home: PathBuf,
}

impl SearchNode {
    /// Why this machine cannot run such a server; `None`: it can.
    pub(crate) fn missing() -> Option<String> {
        let version =
            |program: &str| Command::new(program).arg("-version").stdin(Stdio::null()).output().ok();
        let absent: Vec<_> =
            ["java", "javac", "mvn"].into_iter().filter(|program| version(program).is_none()).collect();
        if !absent.is_empty() {
            return Some(format!("needs {} (Java {JAVA_LEAST} and Maven)", absent.join(", ")));
        }
        // Java says it among the errors.
        let said = version("java").map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
        let said = said.unwrap_or_default();
        match java_version(&said) {
            Some(version) if version >= JAVA_LEAST => None,
            _ => {
                let found = said.lines().next().unwrap_or("nothing");
                Some(format!("needs Java {JAVA_LEAST} or newer, `java -version` says: {found}"))
            }
        }
    }

    /// Starts a server with that heap (`1g`) on an empty home directory and a free port, and waits until it answers. The
    /// first start downloads it into the user's cache directory.
    pub(crate) fn start(kind: Kind, home: &Path, heap: &str) -> anyhow::Result<Self> {
        let lab = cache_directory()?.join(format!("{}-1", kind.name()));
        prepare(kind, &lab)?;
        fs::create_dir_all(home.join("config"))?;
        fs::write(
            home.join("config/log4j2.properties"),
            "status=error\nappender.c.type=Console\nappender.c.name=c\nappender.c.layout.type=PatternLayout\n\
             appender.c.layout.pattern=%d %p %c{1} %m%n\nrootLogger.level=warn\nrootLogger.appenderRef.c.ref=c\n",
        )?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let output = fs::File::create(home.join("output.log"))?;
        let mut java = Command::new("java");
        java.args([format!("-Xms{heap}"), format!("-Xmx{heap}"), "-XX:+UseSerialGC".to_owned()])
            .arg(format!("-Dlog4j2.configurationFile={}", home.join("config/log4j2.properties").display()))
            .arg("-Dlog4j2.disable.jmx=true");
        if kind == Kind::Elasticsearch {
            for package in ["java.io", "java.nio", "sun.nio.ch"] {
                java.arg(format!("--add-opens=java.base/{package}=ALL-UNNAMED"));
            }
        }
        java.arg("-cp").arg(format!("{}:{}/*", lab.join("classes").display(), lab.join("lib").display()));
        java.arg("SearchNode").arg(home).arg(port.to_string());
        let child = java
            .stdin(Stdio::piped())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .context("cannot start java")?;
        let mut node =
            Self { process: Process(child), url: format!("http://127.0.0.1:{port}"), home: home.to_owned() };
        node.wait()?;
        Ok(node)
    }

    /// Where its data is.
    pub(crate) fn data(&self) -> PathBuf {
        self.home.join("data")
    }

    fn wait(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + PATIENCE;
        let address = self.url.trim_start_matches("http://").to_owned();
        loop {
            if let Some(status) = self.process.0.try_wait()? {
                let output = fs::read_to_string(self.home.join("output.log")).unwrap_or_default();
                let tail: Vec<_> = output.lines().rev().take(10).collect();
                bail!(
                    "the server ended with {status}: {}",
                    tail.into_iter().rev().collect::<Vec<_>>().join("\n")
                );
            }
            // It binds its port once it can answer.
            if std::net::TcpStream::connect(&address).is_ok() {
                return Ok(());
            }
            ensure!(Instant::now() < deadline, "the server does not listen after {PATIENCE:?}");
            std::thread::sleep(Duration::from_millis(100));
        }
    }
}

fn cache_directory() -> anyhow::Result<PathBuf> {
    let base = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let base = base.or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache")));
    Ok(base.context("neither XDG_CACHE_HOME nor HOME is set")?.join("vigie-xtask"))
}

/// Fetches the libraries and compiles the starter, unless both are there.
fn prepare(kind: Kind, lab: &Path) -> anyhow::Result<()> {
    let (source, done) = (lab.join("SearchNode.java"), lab.join("done"));
    let text = kind.source();
    let is_current = fs::read_to_string(&source).is_ok_and(|known| known == text);
    if done.exists() && is_current {
        return Ok(());
    }
    let _ = fs::remove_file(&done);
    fs::create_dir_all(lab.join("classes"))?;
    fs::write(lab.join("pom.xml"), kind.pom())?;
    fs::write(&source, text)?;
    let mut maven = Command::new("mvn");
    maven.args(["-q", "-B", "-f"]).arg(lab.join("pom.xml")).arg("dependency:copy-dependencies");
    maven.arg(format!("-DoutputDirectory={}", lab.join("lib").display()));
    run(maven)?;
    let mut javac = Command::new("javac");
    javac.args(["-nowarn", "-d"]).arg(lab.join("classes")).arg("-cp");
    javac.arg(format!("{}/*", lab.join("lib").display())).arg(&source);
    run(javac)?;
    fs::write(done, "")?;
    Ok(())
}

fn run(mut command: Command) -> anyhow::Result<()> {
    let output = command.output().with_context(|| format!("cannot run {command:?}"))?;
    let text =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    ensure!(output.status.success(), "{command:?} failed: {}", text.trim());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_java() {
        let check = |said: &str, expected| assert_eq!(java_version(said), expected, "{said}");
        check("openjdk version \"17.0.15\" 2025-04-15", Some(17));
        check("openjdk version \"21\" 2023-09-19", Some(21));
        check("java version \"1.8.0_402\"", Some(1));
        check("openjdk version \"25-ea\" 2025-09-16", Some(25));
        check("The operation couldn't be completed. Unable to locate a Java Runtime.", None);
    }
}
