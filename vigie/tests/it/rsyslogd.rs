//! Debian's rsyslog, as the tests' clients hold it.

use crate::harness::{installed_client, skip};
use std::{
    fs,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

/// The program and its libraries.
pub(crate) struct Rsyslogd {
    program: PathBuf,
    libraries: PathBuf,
}

/// A running rsyslog; ended when dropped.
pub(crate) struct Running(Child);

impl Rsyslogd {
    /// Where it is installed; without it the test is skipped.
    pub(crate) fn installed() -> Option<Self> {
        let root = installed_client("rsyslog/root")?;
        // Debian names the directory after the machine.
        let known = fs::read_dir(root.join("usr/lib")).unwrap().map(|entry| entry.unwrap().path());
        let libraries = known.into_iter().find(|path| path.join("rsyslog").is_dir());
        if libraries.is_none() {
            skip(&format!("no libraries of Debian's rsyslog below {}", root.display()));
        }
        Some(Self { program: root.join("usr/sbin/rsyslogd"), libraries: libraries? })
    }

    /// Starts it in a directory, where it leaves `rsyslog.log`.
    pub(crate) fn start(&self, work: &Path, configuration: &str) -> Running {
        let file = work.join("rsyslog.conf");
        fs::write(&file, configuration).unwrap();
        let child = Command::new(&self.program)
            .env("LD_LIBRARY_PATH", &self.libraries)
            .args(["-n", "-f"])
            .arg(&file)
            .arg("-M")
            .arg(self.libraries.join("rsyslog"))
            .arg("-i")
            .arg(work.join("pid"))
            .stdout(Stdio::null())
            .stderr(fs::File::create(work.join("rsyslog.log")).unwrap())
            .spawn()
            .unwrap();
        Running(child)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
