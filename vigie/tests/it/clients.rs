//! Real clients of Elasticsearch and OpenSearch against the real binary.

use crate::{
    harness::{ADMIN, PASSWORD, PATIENCE, Vigie, installed_client, repository},
    rsyslogd::Rsyslogd,
};
use elasticsearch::{
    BulkOperation, BulkParts, Elasticsearch, GetParts, IndexParts, SearchParts,
    auth::Credentials,
    http::{
        Url,
        transport::{SingleNodeConnectionPool, TransportBuilder},
    },
    params::Refresh,
};
use serde_json::{Value, json};
use std::{
    fmt::Write as _,
    fs,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

/// Runs the scenario with the client that is installed in that environment.
fn run_python(environment: &str) {
    let Some(python) = installed_client(&format!("{environment}/bin/python")) else { return };
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let output = Command::new(python)
        .args(["-W", "ignore"])
        .arg(repository("vigie/tests/clients/scenario.py"))
        .args([&vigie.elastic, ADMIN, PASSWORD])
        .arg(repository("fixtures"))
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{environment}: {}{}", text(&output.stdout), text(&output.stderr));
    vigie.stop();
}

#[test]
fn elasticsearch_py_7_10() {
    run_python("elasticsearch-7.10");
}

#[test]
fn elasticsearch_py_7_17() {
    run_python("elasticsearch-7.17");
}

#[test]
fn elasticsearch_py_8() {
    run_python("elasticsearch-8");
}

#[test]
fn opensearch_py() {
    run_python("opensearch-2");
}

/// Lines that rsyslog ships.
const LINES: u64 = 10_000;

/// Reads the file and ships its lines, each under the number that it holds, so that none is there twice.
fn shipping(work: &Path, lines: &Path, elastic: &str) -> String {
    let port = elastic.rsplit(':').next().unwrap();
    let work_directory = work.display();
    format!(
        r#"global(workDirectory="{work_directory}")
module(load="imfile")
module(load="omelasticsearch")
template(name="document" type="list" option.jsonf="on") {{
  property(outname="@timestamp" name="timegenerated" dateFormat="rfc3339" format="jsonf")
  property(outname="host" name="hostname" format="jsonf")
  property(outname="message" name="msg" format="jsonf")
}}
template(name="id" type="string" string="%msg:R,ERE,1,DFLT:line ([0-9]+) end--end%")
input(type="imfile" file="{lines}" tag="shop" ruleset="ship")
ruleset(name="ship" queue.type="LinkedList" queue.size="20000" queue.dequeueBatchSize="20") {{
  action(type="omelasticsearch" server="127.0.0.1" serverport="{port}" uid="{ADMIN}" pwd="{PASSWORD}"
         template="document" searchIndex="rsyslog" searchType="" bulkmode="on" bulkid="id" dynbulkid="on"
         writeoperation="create" errorfile="{work_directory}/errors.log"
         action.resumeRetryCount="-1" action.resumeInterval="1")
}}
"#,
        lines = lines.display(),
    )
}

/// Documents that have come, as soon as there are so many.
async fn count_from(vigie: &Vigie, least: u64, work: &Path) -> u64 {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let url = format!("{}/rsyslog/_count?ignore_unavailable=true", vigie.elastic);
        let response = vigie.client.get(url).basic_auth(ADMIN, Some(PASSWORD)).send().await.unwrap();
        let answer: Value = response.json().await.unwrap();
        let count = answer["count"].as_u64().unwrap_or(0);
        if count >= least {
            return count;
        }
        let log = || fs::read_to_string(work.join("rsyslog.log")).unwrap_or_default();
        assert!(Instant::now() < deadline, "only {count} of {least} lines came: {answer} {}", log());
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn rsyslog_loses_and_doubles_nothing() {
    let Some(rsyslogd) = Rsyslogd::installed() else { return };
    let dir = tempfile::tempdir().unwrap();
    let (data, work) = (dir.path().join("data"), dir.path().join("rsyslog"));
    fs::create_dir(&work).unwrap();
    let lines = dir.path().join("lines.log");
    let access = fs::read_to_string(repository("fixtures/access.log")).unwrap();
    let text = access.lines().cycle().zip(0..LINES).fold(String::new(), |mut text, (line, n)| {
        writeln!(text, "{line} line {n} end").unwrap();
        text
    });
    fs::write(&lines, text).unwrap();

    let vigie = Vigie::start(&data);
    let elastic = vigie.elastic.clone();
    let _rsyslog = rsyslogd.start(&work, &shipping(&work, &lines, &elastic));
    let before = count_from(&vigie, 200, &work).await;
    assert!(before < LINES, "it was too fast to be killed in mid-run");
    vigie.kill();
    let vigie = Vigie::start_at(&data, &elastic);
    let after = count_from(&vigie, LINES, &work).await;
    assert_eq!(after, LINES);
    vigie.stop();
}

/// What a program does with Elasticsearch's own crate.
#[tokio::test]
async fn elasticsearch_rs() {
    let dir = tempfile::tempdir().unwrap();
    let vigie = Vigie::start(&dir.path().join("data"));
    let pool = SingleNodeConnectionPool::new(Url::parse(&vigie.elastic).unwrap());
    let transport = TransportBuilder::new(pool)
        .auth(Credentials::Basic(ADMIN.to_owned(), PASSWORD.to_owned()))
        .disable_proxy()
        .build()
        .unwrap();
    let client = Elasticsearch::new(transport);
    let info: Value = client.info().send().await.unwrap().json().await.unwrap();
    assert_eq!(info["tagline"], "You Know, for Search", "{info}");

    let document = |n: u64| json!({"@timestamp": "2026-11-21T10:00:00Z", "n": n, "kind": if n.is_multiple_of(2) { "even" } else { "odd" }});
    let operations: Vec<BulkOperation<Value>> =
        (0..500).map(|n| BulkOperation::create(document(n)).id(n.to_string()).into()).collect();
    let response =
        client.bulk(BulkParts::Index("rust")).body(operations).refresh(Refresh::True).send().await.unwrap();
    let answer: Value = response.json().await.unwrap();
    assert_eq!(
        (&answer["errors"], answer["items"].as_array().unwrap().len()),
        (&json!(false), 500),
        "{answer}"
    );

    let body = json!({"query": {"range": {"n": {"gte": 100}}}, "track_total_hits": true, "size": 2, "sort": [{"n": "desc"}],
        "aggs": {"kinds": {"terms": {"field": "kind.keyword"}}}});
    let response = client.search(SearchParts::Index(&["rust"])).body(body).send().await.unwrap();
    let found: Value = response.json().await.unwrap();
    assert_eq!(
        (&found["hits"]["total"]["value"], &found["hits"]["hits"][0]["_source"]),
        (&json!(400), &document(499))
    );
    assert_eq!(found["aggregations"]["kinds"]["buckets"].as_array().unwrap().len(), 2, "{found}");

    let put = async |seq_no: i64| {
        let index = client.index(IndexParts::IndexId("rust", "1")).if_seq_no(seq_no).if_primary_term(1);
        index.body(document(7)).send().await.unwrap()
    };
    assert_eq!(put(1).await.status_code().as_u16(), 200);
    let conflict = put(1).await;
    assert_eq!(conflict.status_code().as_u16(), 409);
    let exception = conflict.exception().await.unwrap().unwrap();
    assert_eq!(exception.error().ty(), Some("version_conflict_engine_exception"));
    let missing = client.get(GetParts::IndexId("rust", "none")).send().await.unwrap();
    assert_eq!(missing.status_code().as_u16(), 404);
    let unknown = client.search(SearchParts::Index(&["nothing"])).send().await.unwrap();
    let exception = unknown.exception().await.unwrap().unwrap();
    assert_eq!(exception.error().ty(), Some("index_not_found_exception"));
    vigie.stop();
}
