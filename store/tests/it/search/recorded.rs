//! Searches that real dashboards sent, with the answers of a real Elasticsearch 7.10.2: ours must be the same.

use super::{Fixture, internal};
use event::{Event, Object, Origin};
use serde_json::{Value, json};
use std::{
    io::{Read, Write},
    path::{Path, PathBuf},
    sync::Arc,
};
use store::logs::{IndexAdmin, LogStore, Refresh, SearchRequest, TemplateKind};

/// A recording that lies beside the repository where it is tested with data of others. Elsewhere the test is skipped by
/// name, into the file that `cargo xtask test` reads.
fn recording(name: &str) -> Option<PathBuf> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/data").join(name);
    if file.exists() {
        return Some(file);
    }
    if let Some(list) = std::env::var_os("VIGIE_SKIPPED_TESTS") {
        let mut list = std::fs::File::options().create(true).append(true).open(list).unwrap();
        let test = std::thread::current().name().unwrap_or_default().to_owned();
        writeln!(list, "{test}: no {} here", file.display()).unwrap();
    }
    None
}

fn unpacked(file: &Path) -> String {
    let mut text = String::new();
    flate2::read::MultiGzDecoder::new(std::fs::File::open(file).unwrap()).read_to_string(&mut text).unwrap();
    text
}

fn json_of(value: &Value) -> Value {
    value.as_str().map_or_else(|| value.clone(), |text| serde_json::from_str(text).unwrap_or(Value::Null))
}

async fn corpus() -> Option<Fixture> {
    let (logs, template) = (recording("kibana-logs.ndjson.gz")?, recording("kibana-logs.template.json")?);
    let fixture = Fixture::new().await;
    let template: Value = serde_json::from_str(&std::fs::read_to_string(template).unwrap()).unwrap();
    let template = json!({"index_patterns": ["logs-*"], "template": {"mappings": template["mappings"]}});
    fixture.logs.put_template(&internal(), TemplateKind::Index, "logs", template, false).await.unwrap();
    let text = unpacked(&logs);
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    for chunk in lines.chunks(4_000) {
        let batch = chunk
            .chunks(2)
            .map(|pair| {
                let action: Value = serde_json::from_str(pair[0]).unwrap();
                let mut event = Event::new(serde_json::from_str(pair[1]).unwrap(), Origin::Request);
                event.metadata.index = Some(Arc::from(action["index"]["_index"].as_str().unwrap()));
                event.metadata.id = action["index"]["_id"].as_str().map(str::to_owned);
                event
            })
            .collect();
        fixture.logs.write(&internal(), batch, Refresh::Now).await.unwrap();
    }
    Some(fixture)
}

/// The first place where two answers differ; estimates may, a little.
fn difference(path: &str, ours: &Value, theirs: &Value) -> Option<String> {
    let differs = || Some(format!("{path}: ours {ours}, theirs {theirs}"));
    match (ours, theirs) {
        (Value::Object(a), Value::Object(b)) => {
            let odd =
                a.keys().find(|key| !b.contains_key(*key)).or(b.keys().find(|key| !a.contains_key(*key)));
            if let Some(odd) = odd {
                return Some(format!("{path}: \"{odd}\" is in one only: ours {ours}, theirs {theirs}"));
            }
            a.iter().find_map(|(key, a)| difference(&format!("{path}.{key}"), a, &b[key]))
        }
        (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
            let mut pairs = a.iter().zip(b).enumerate();
            pairs.find_map(|(position, (a, b))| difference(&format!("{path}[{position}]"), a, b))
        }
        (Value::Number(_), Value::Number(_)) => {
            let (a, b) = (ours.as_f64().unwrap(), theirs.as_f64().unwrap());
            let near = if path.contains(".values") { 0.03 } else { 1e-6 };
            if (a - b).abs() <= near * b.abs().max(1e-9) { None } else { differs() }
        }
        (a, b) if a == b => None,
        _ => differs(),
    }
}

fn compare(request: &Object, ours: &store::logs::SearchResponse, theirs: &Value) -> Option<String> {
    let total = ours
        .total
        .map(|total| json!({"value": total.value, "relation": if total.exact { "eq" } else { "gte" }}));
    if theirs["hits"]["total"] != total.unwrap_or(Value::Null) {
        return Some(format!("totals: ours {:?}, theirs {}", ours.total, theirs["hits"]["total"]));
    }
    if request.contains_key("sort") && !request.contains_key("search_after") {
        let ids: Vec<&str> = ours.hits.iter().map(|hit| hit.id.as_str()).collect();
        let expected: Vec<&str> = theirs["hits"]["hits"]
            .as_array()
            .unwrap()
            .iter()
            .map(|hit| hit["_id"].as_str().unwrap())
            .collect();
        if ids != expected {
            return Some(format!("hits: ours {ids:?}, theirs {expected:?}"));
        }
    }
    match (&ours.aggregations, theirs.get("aggregations")) {
        (None, None) => None,
        (Some(ours), Some(theirs)) => difference("aggregations", &Value::Object(ours.clone()), theirs),
        (ours, theirs) => Some(format!("aggregations: ours {ours:?}, theirs {theirs:?}")),
    }
}

async fn replay(fixture: &Fixture, body: &Object, theirs: &Value) -> Option<String> {
    let request =
        SearchRequest { indices: vec!["logs-*".to_owned()], body: body.clone(), ..SearchRequest::default() };
    match fixture.logs.search(&internal(), request).await {
        Ok(ours) => compare(body, &ours, theirs),
        Err(error) => Some(error.to_string()),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_are_those_of_a_real_server() {
    let (Some(kibana), Some(grafana)) =
        (recording("kibana-trace.ndjson.gz"), recording("grafana-trace.ndjson.gz"))
    else {
        return;
    };
    let Some(fixture) = corpus().await else { return };
    let (mut replayed, mut odd) = (0, Vec::new());
    for line in unpacked(&kibana).lines().chain(unpacked(&grafana).lines()) {
        let exchange: Value = serde_json::from_str(line).unwrap();
        let url = exchange["url"].as_str().unwrap_or_default();
        if exchange["status"] != 200 || !(url.starts_with("/logs-*/_search") || url.starts_with("/_msearch"))
        {
            continue;
        }
        let answer = json_of(&exchange["response"]);
        let mut searches: Vec<(Object, Value)> = Vec::new();
        if url.starts_with("/_msearch") {
            let bodies = exchange["body"].as_str().unwrap().lines().skip(1).step_by(2);
            for (body, answer) in bodies.zip(answer["responses"].as_array().unwrap()) {
                searches.push((serde_json::from_str(body).unwrap(), answer.clone()));
            }
        } else if let Value::Object(mut body) = json_of(&exchange["body"]) {
            if url.contains("track_total_hits=true") {
                body.insert("track_total_hits".to_owned(), json!(true));
            }
            searches.push((body, answer));
        }
        for (body, answer) in searches {
            replayed += 1;
            if let Some(difference) = replay(&fixture, &body, &answer).await {
                odd.push(format!("{}\n    {difference}", Value::Object(body)));
            }
        }
    }
    assert!(replayed > 25, "{replayed} searches were recorded");
    assert!(odd.is_empty(), "{} of {replayed} differ:\n{}", odd.len(), odd.join("\n"));
}
