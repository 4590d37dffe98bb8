//! The floor: tantivy by itself, in this process, on values that are typed already. No HTTP, no JSON to be read, no log,
//! no ids to be looked up, default settings of its document store.

use super::{
    events::{Record, Shape},
    report::{Answer, Cost, Report, median},
};
use crate::bench::process::{cpu_secs, directory_bytes};
use serde_json::{Value, json};
use std::{path::Path, time::Instant};
use tantivy::{
    DateTime, Index, IndexReader, Order, TantivyDocument, Term,
    aggregation::{AggregationCollector, agg_req::Aggregations},
    collector::{Count, TopDocs},
    query::{AllQuery, BooleanQuery, PhraseQuery, Query, RangeQuery, TermQuery},
    schema::{DateOptions, FAST, Field, INDEXED, IndexRecordOption, STORED, STRING, Schema, TEXT},
};

const THREADS: usize = 2;
const MEMORY_BYTES: usize = 128 << 20;
/// So many events are made before the clock runs.
const READY_EVENTS: usize = 1_000_000;
const MINUTE_MS: i64 = 60_000;

struct Fields {
    id: Field,
    time: Field,
    address: Field,
    method: Field,
    status: Field,
    bytes: Field,
    path: Field,
    agent: Field,
    message: Field,
    source: Field,
}

struct Alone {
    fields: Fields,
    index: Index,
}

impl Alone {
    fn new(directory: &Path) -> anyhow::Result<Self> {
        let mut builder = Schema::builder();
        let fields = Fields {
            id: builder.add_text_field("id", STRING | STORED),
            time: builder.add_date_field("time", DateOptions::from(INDEXED | FAST)),
            address: builder.add_ip_addr_field("address", INDEXED | FAST),
            method: builder.add_text_field("method", STRING | FAST),
            status: builder.add_u64_field("status", INDEXED | FAST),
            bytes: builder.add_u64_field("bytes", INDEXED | FAST),
            path: builder.add_text_field("path", STRING | FAST),
            agent: builder.add_text_field("agent", STRING | FAST),
            message: builder.add_text_field("message", TEXT),
            source: builder.add_bytes_field("source", STORED),
        };
        Ok(Self { fields, index: Index::create_in_dir(directory, builder.build())? })
    }

    fn document(&self, number: usize, record: Record, source: &[u8]) -> TantivyDocument {
        let fields = &self.fields;
        let mut document = TantivyDocument::new();
        document.add_text(fields.id, format!("{number:022x}"));
        document.add_date(fields.time, DateTime::from_timestamp_millis(record.time_ms));
        document.add_ip_addr(fields.address, record.address.to_ipv6_mapped());
        document.add_text(fields.method, record.method);
        document.add_u64(fields.status, record.status);
        document.add_u64(fields.bytes, record.bytes);
        document.add_text(fields.path, record.path);
        document.add_text(fields.agent, record.agent);
        document.add_text(fields.message, record.message);
        document.add_bytes(fields.source, source);
        document
    }

    fn load(&self, shape: &Shape, directory: &Path) -> anyhow::Result<Cost> {
        let pid = std::process::id();
        let mut writer = self.index.writer_with_num_threads::<TantivyDocument>(THREADS, MEMORY_BYTES)?;
        let mut cost = Cost::default();
        for first in (0..shape.events).step_by(READY_EVENTS) {
            let ready: Vec<(Record, String)> = (first..shape.events.min(first + READY_EVENTS))
                .map(|number| {
                    let record = shape.record(number);
                    let mut source = String::with_capacity(400);
                    record.write_json(&mut source);
                    (record, source)
                })
                .collect();
            let (cpu, started) = (cpu_secs(pid)?, Instant::now());
            for (number, (record, source)) in ready.into_iter().enumerate() {
                writer.add_document(self.document(first + number, record, source.as_bytes()))?;
            }
            if first + READY_EVENTS >= shape.events {
                writer.commit()?;
            }
            cost.wall_secs += started.elapsed().as_secs_f64();
            cost.cpu_secs += cpu_secs(pid)? - cpu;
        }
        let cpu = cpu_secs(pid)?;
        writer.wait_merging_threads()?;
        let mut writer = self.index.writer_with_num_threads::<TantivyDocument>(1, MEMORY_BYTES)?;
        let segments = self.index.searchable_segment_ids()?;
        if segments.len() > 1 {
            writer.merge(&segments).wait()?;
        }
        writer.garbage_collect_files().wait()?;
        writer.wait_merging_threads()?;
        cost.cpu_merged_secs = cost.cpu_secs + cpu_secs(pid)? - cpu;
        cost.searchable_secs = Some(cost.wall_secs);
        cost.disk_bytes = directory_bytes(directory)?;
        Ok(cost)
    }

    fn newest(&self, reader: &IndexReader, query: &dyn Query, from: usize) -> anyhow::Result<usize> {
        let searcher = reader.searcher();
        let order =
            TopDocs::with_limit(50).and_offset(from).order_by_fast_field::<DateTime>("time", Order::Desc);
        self.read(reader, searcher.search(query, &order)?.into_iter().map(|(_, address)| address))
    }

    fn best(&self, reader: &IndexReader, query: &dyn Query, from: usize) -> anyhow::Result<usize> {
        let searcher = reader.searcher();
        let found = searcher.search(query, &TopDocs::with_limit(50).and_offset(from).order_by_score())?;
        self.read(reader, found.into_iter().map(|(_, address)| address))
    }

    fn read(
        &self,
        reader: &IndexReader,
        found: impl Iterator<Item = tantivy::DocAddress>,
    ) -> anyhow::Result<usize> {
        let searcher = reader.searcher();
        let mut count = 0;
        for address in found {
            let _: TantivyDocument = searcher.doc(address)?;
            count += 1;
        }
        Ok(count)
    }

    fn word(&self, word: &str) -> TermQuery {
        TermQuery::new(Term::from_field_text(self.fields.message, word), IndexRecordOption::WithFreqs)
    }

    fn range(&self, from_ms: i64, to_ms: i64) -> RangeQuery {
        let bound = |at| Term::from_field_date(self.fields.time, DateTime::from_timestamp_millis(at));
        RangeQuery::new(std::ops::Bound::Included(bound(from_ms)), std::ops::Bound::Excluded(bound(to_ms)))
    }

    fn aggregate(&self, reader: &IndexReader, query: &dyn Query, request: Value) -> anyhow::Result<usize> {
        let request: Aggregations = serde_json::from_value(request)?;
        let collector = AggregationCollector::from_aggs(request, Default::default());
        Ok(serde_json::to_string(&reader.searcher().search(query, &collector)?)?.len())
    }

    fn ask(&self, shape: &Shape, runs: usize) -> anyhow::Result<Vec<Answer>> {
        let reader = self.index.reader()?;
        let total = reader.searcher().search(&AllQuery, &Count)?;
        anyhow::ensure!(total == shape.events, "tantivy has {total} of {} events", shape.events);
        let word = super::questions::nth_word;
        let since = |n: usize| self.range(shape.start_ms + n as i64 * MINUTE_MS, shape.end_ms());
        let interval = if shape.days == 1 { "1m" } else { "1h" };
        let time = |name, ask: &dyn Fn(usize) -> anyhow::Result<usize>| -> anyhow::Result<Answer> {
            let mut times_ms = Vec::with_capacity(runs);
            for n in 0..runs {
                let started = Instant::now();
                let count = ask(n)?;
                times_ms.push(started.elapsed().as_secs_f64() * 1e3);
                anyhow::ensure!(count > 0, "tantivy finds nothing for {name}");
            }
            Ok(Answer { name, median_ms: median(times_ms), agreed: Value::Null, distinct: None })
        };
        Ok(vec![
            time("newest", &|n| self.newest(&reader, &AllQuery, n))?,
            time("status", &|n| {
                let status =
                    TermQuery::new(Term::from_field_u64(self.fields.status, 404), IndexRecordOption::Basic);
                let range = self.range(shape.start_ms, shape.end_ms() - n as i64 * MINUTE_MS);
                self.newest(&reader, &BooleanQuery::intersection(vec![Box::new(status), Box::new(range)]), 0)
            })?,
            time("word, newest", &|n| self.newest(&reader, &self.word(word(n)), n / 10))?,
            time("word", &|n| self.best(&reader, &self.word(word(n)), n / 10))?,
            time("phrase", &|n| {
                let terms = ["red", word(n)].map(|word| Term::from_field_text(self.fields.message, word));
                self.best(&reader, &PhraseQuery::new(terms.to_vec()), n / 10)
            })?,
            time("histogram", &|n| {
                let request = json!({"time": {"date_histogram": {"field": "time", "fixed_interval": interval},
                    "aggs": {"status": {"terms": {"field": "status"}}}}});
                self.aggregate(&reader, &since(n), request)
            })?,
            time("top", &|n| {
                let request = json!({"paths": {"terms": {"field": "path", "size": 10}},
                    "addresses": {"cardinality": {"field": "address"}}});
                self.aggregate(&reader, &since(n), request)
            })?,
            time("id", &|n| {
                let id = Term::from_field_text(self.fields.id, &format!("{:022x}", n * 7));
                self.best(&reader, &TermQuery::new(id, IndexRecordOption::Basic), 0)
            })?,
        ])
    }
}

/// Loads and asks it as the servers are. Its answers are not held against theirs: it knows no JSON.
pub(crate) fn measure(shape: &Shape, runs: usize, directory: &Path) -> anyhow::Result<Report> {
    let alone = Alone::new(directory)?;
    let cost = alone.load(shape, directory)?;
    let answers = alone.ask(shape, runs)?;
    Ok(Report { title: "tantivy alone".to_owned(), cost: Some(cost), answers, resting_mib: None })
}
