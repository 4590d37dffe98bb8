//! What the same lines cost without the product: a hand-written parser and tantivy alone, one thread, no log, no
//! HTTP, no enrichment. The floor that the product's numbers are divided by.

use anyhow::Context;
use std::{path::Path, time::Instant};
use tantivy::{
    DateTime, Index, TantivyDocument,
    schema::{DateOptions, FAST, INDEXED, STORED, STRING, Schema, TEXT},
};

/// What indexing cost.
pub(crate) struct Cost {
    pub(crate) cpu_secs: f64,
    pub(crate) wall_secs: f64,
    pub(crate) disk_bytes: u64,
}

/// Indexes the lines of a combined access log into a fresh tantivy index below `directory`.
pub(crate) fn index(log: &str, directory: &Path) -> anyhow::Result<Cost> {
    let mut builder = Schema::builder();
    let id = builder.add_text_field("id", STRING);
    let time = builder.add_date_field("time", DateOptions::from(INDEXED | FAST));
    let address = builder.add_text_field("address", STRING | FAST);
    let method = builder.add_text_field("method", STRING | FAST);
    let path = builder.add_text_field("path", STRING | FAST);
    let status = builder.add_u64_field("status", INDEXED | FAST);
    let bytes = builder.add_u64_field("bytes", INDEXED | FAST);
    let agent = builder.add_text_field("agent", STRING | FAST);
    let message = builder.add_text_field("message", TEXT);
    let source = builder.add_text_field("source", STORED);
    let index = Index::create_in_dir(directory, builder.build())?;
    let pid = std::process::id();
    let (cpu, started) = (super::process::cpu_secs(pid)?, Instant::now());
    let mut writer = index.writer_with_num_threads::<TantivyDocument>(1, 64 << 20)?;
    for (number, line) in log.lines().enumerate() {
        let record =
            parse(line).with_context(|| format!("line {number} of the reference is odd: {line:?}"))?;
        let mut document = TantivyDocument::new();
        document.add_text(id, format!("{number:032x}"));
        document.add_date(time, DateTime::from_timestamp_millis(record.time_ms));
        document.add_text(address, record.address);
        document.add_text(method, record.method);
        document.add_text(path, record.path);
        document.add_u64(status, record.status);
        document.add_u64(bytes, record.bytes);
        document.add_text(agent, record.agent);
        document.add_text(message, line);
        document.add_text(source, serde_json::to_string(&record)?);
        writer.add_document(document)?;
    }
    writer.commit()?;
    writer.wait_merging_threads()?;
    Ok(Cost {
        cpu_secs: super::process::cpu_secs(pid)? - cpu,
        wall_secs: started.elapsed().as_secs_f64(),
        disk_bytes: super::process::directory_bytes(directory)?,
    })
}

#[derive(serde::Serialize)]
struct Record<'a> {
    time_ms: i64,
    address: &'a str,
    method: &'a str,
    path: &'a str,
    status: u64,
    bytes: u64,
    referrer: &'a str,
    agent: &'a str,
    message: &'a str,
}

fn parse(line: &str) -> Option<Record<'_>> {
    let (address, rest) = line.split_once(' ')?;
    let (time, rest) = rest.split_once('[')?.1.split_once("] \"")?;
    let (request, rest) = rest.split_once("\" ")?;
    let (numbers, rest) = rest.split_once(" \"")?;
    let (referrer, rest) = rest.split_once("\" \"")?;
    let (status, bytes) = numbers.split_once(' ')?;
    let mut request = request.split(' ');
    Some(Record {
        time_ms: jiff::Timestamp::strptime("%d/%b/%Y:%H:%M:%S %z", time).ok()?.as_millisecond(),
        address,
        method: request.next()?,
        path: request.next().unwrap_or_default(),
        status: status.parse().ok()?,
        bytes: bytes.parse().unwrap_or(0),
        referrer,
        agent: rest.trim_end_matches('"'),
        message: line,
    })
}
