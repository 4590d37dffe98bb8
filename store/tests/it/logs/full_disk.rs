//! A file system that is really full: writes are refused as such, searches go on, and all is well when there is space.

use super::{event, internal};
use event::Operation;
use serde_json::{Value, json};
use std::{
    collections::HashSet,
    fs,
    io::Write,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};
use store::{
    ErrorKind,
    logs::{
        LogStore, Refresh, SearchRequest, WriteResult,
        embedded::{EmbeddedLogs, EmbeddedOptions},
    },
};

/// A small file system in memory; gone when dropped.
struct Tmpfs<'a>(&'a Path);

impl<'a> Tmpfs<'a> {
    /// `None`: the test may not mount.
    fn mount(at: &'a Path, size: &str) -> Option<Self> {
        let size = format!("size={size}");
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "vigie-test"]).arg(at).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self(at))
    }
}

impl Drop for Tmpfs<'_> {
    fn drop(&mut self) {
        // Lazily: a file may still be open.
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

fn skip(why: &str) {
    if let Some(list) = std::env::var_os("VIGIE_SKIPPED_TESTS") {
        let mut list = fs::File::options().create(true).append(true).open(list).unwrap();
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        writeln!(list, "{test}: {why}").unwrap();
    }
}

/// Writes ten documents; the ids of those that were acknowledged, or the kinds of the refusals.
async fn write(logs: &EmbeddedLogs, batch: usize) -> Result<Vec<String>, Vec<ErrorKind>> {
    let ids: Vec<_> = (0..10).map(|n| format!("{batch}-{n}")).collect();
    // Hardly to be compressed.
    let text = |id: &str| {
        (0..300)
            .map(|n| format!("{:x} ", (n + id.len()) * 7919 * (batch + 1) % 1_000_003))
            .collect::<String>()
    };
    let index = format!("logs-{}", batch % 3);
    let events =
        ids.iter().map(|id| event(&index, Some(id), Operation::Index, json!({"text": text(id)}))).collect();
    match logs.write(&internal(), events, Refresh::Background).await {
        Err(error) => Err(vec![error.kind]),
        Ok(results) => {
            let refused: Vec<_> = results
                .iter()
                .filter_map(|result| match result {
                    WriteResult::Refused { kind, .. } => Some(*kind),
                    WriteResult::Written { .. } => None,
                })
                .collect();
            if refused.is_empty() { Ok(ids) } else { Err(refused) }
        }
    }
}

async fn count(logs: &EmbeddedLogs) -> u64 {
    let Value::Object(body) = json!({"size": 0, "track_total_hits": true}) else { return 0 };
    let request = SearchRequest { indices: Vec::new(), body, ..SearchRequest::default() };
    logs.search(&internal(), request).await.unwrap().total.unwrap().value
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_file_system_refuses_writes_and_recovers_by_itself() {
    let directory = tempfile::tempdir().unwrap();
    let Some(_mounted) = Tmpfs::mount(directory.path(), "48m") else { return skip("may not mount a tmpfs") };
    let filler = directory.path().join("filler");
    fs::write(&filler, vec![1_u8; 30 << 20]).unwrap();
    let options = || EmbeddedOptions { commit_after: Duration::ZERO, ..EmbeddedOptions::default() };
    let data = directory.path().join("logs");
    let logs = EmbeddedLogs::open(&data, options()).unwrap();
    let mut acknowledged = HashSet::new();
    let mut batch = 0;
    let mut refusals = 0;
    let began = Instant::now();
    // Every refusal says that the disk is full, the first as well as the later ones.
    while refusals < 60 {
        assert!(began.elapsed() < Duration::from_secs(60), "the disk does not fill up");
        if batch == 10 {
            logs.refresh(&internal(), &[]).await.unwrap();
        }
        match write(&logs, batch).await {
            Ok(ids) => acknowledged.extend(ids),
            Err(kinds) => {
                assert!(kinds.iter().all(|kind| *kind == ErrorKind::Full), "batch {batch}: {kinds:?}");
                refusals += 1;
                if refusals % 20 == 0 {
                    assert!(count(&logs).await > 0);
                }
            }
        }
        batch += 1;
    }
    fs::remove_file(&filler).unwrap();
    let freed = Instant::now();
    while write(&logs, batch).await.map(|ids| acknowledged.extend(ids)).is_err() {
        assert!(freed.elapsed() < Duration::from_secs(20), "it does not recover");
        tokio::task::yield_now().await;
    }
    for reopened in [false, true] {
        let reopened = reopened.then(|| EmbeddedLogs::open(&data, options()).unwrap());
        let logs = reopened.as_ref().unwrap_or(&logs);
        for id in &acknowledged {
            let index = format!("logs-{}", id.split('-').next().unwrap().parse::<usize>().unwrap() % 3);
            let mut found = logs.get(&internal(), &index, id).await;
            while matches!(&found, Err(error) if error.kind == ErrorKind::Full)
                && freed.elapsed() < Duration::from_secs(20)
            {
                found = logs.get(&internal(), &index, id).await;
            }
            assert!(found.unwrap().is_some(), "{id} is lost");
        }
        logs.refresh(&internal(), &[]).await.unwrap();
        assert_eq!(count(logs).await, acknowledged.len() as u64);
        logs.close().await.unwrap();
    }
}
