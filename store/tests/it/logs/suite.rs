//! What every log store does.

use super::{event, internal, write_one};
use event::{Operation, SequenceNumber};
use serde_json::{Value, json};
use store::{
    ErrorKind,
    logs::{IndexAdmin, LogStore, Refresh, TemplateKind, TimeRange, WriteEffect, WriteResult},
    scope::{IndexRight, Scope},
};

/// Runs all of it on a fresh store.
pub(super) async fn logs_suite(logs: &dyn LogStore, admin: &dyn IndexAdmin) {
    creates_conflict(logs).await;
    documents_have_versions(logs).await;
    updates_merge(logs).await;
    sequence_numbers_guard(logs).await;
    a_batch_has_an_outcome_per_event(logs).await;
    scopes_are_obeyed(logs).await;
    templates_give_types(logs, admin).await;
    dynamic_types_are_fixed_at_first_sight(logs, admin).await;
    indices_and_tokens(logs).await;
}

/// What the tests compare of a result.
fn outcome(result: &WriteResult) -> (u64, WriteEffect) {
    match result {
        WriteResult::Written { version, effect, .. } => (*version, *effect),
        WriteResult::Refused { kind, reason, .. } => panic!("refused as {kind:?}: {reason}"),
    }
}

fn refusal(result: &WriteResult) -> ErrorKind {
    match result {
        WriteResult::Refused { kind, .. } => *kind,
        written => panic!("not refused: {written:?}"),
    }
}

async fn source(logs: &dyn LogStore, index: &str, id: &str) -> Option<Value> {
    logs.get(&internal(), index, id).await.unwrap().map(|document| Value::Object(document.source.unwrap()))
}

async fn creates_conflict(logs: &dyn LogStore) {
    let create = |id| event("create", id, Operation::Create, json!({"a": 1}));
    assert_eq!(outcome(&write_one(logs, create(Some("1"))).await), (1, WriteEffect::Created));
    assert_eq!(refusal(&write_one(logs, create(Some("1"))).await), ErrorKind::Conflict);
    logs.refresh(&internal(), &["create".to_owned()]).await.unwrap();
    assert_eq!(refusal(&write_one(logs, create(Some("1"))).await), ErrorKind::Conflict);
    let batch = vec![create(Some("2")), create(Some("2")), create(None), create(None)];
    let results = logs.write(&internal(), batch, Refresh::Now).await.unwrap();
    assert_eq!(outcome(&results[0]), (1, WriteEffect::Created));
    assert_eq!(refusal(&results[1]), ErrorKind::Conflict);
    assert_eq!(outcome(&results[3]), (1, WriteEffect::Created));
    assert_eq!(logs.indices(&internal(), &["create".to_owned()]).await.unwrap()[0].documents, 4);
}

async fn documents_have_versions(logs: &dyn LogStore) {
    let index = |fields| event("versions", Some("1"), Operation::Index, fields);
    let delete = || event("versions", Some("1"), Operation::Delete, json!({}));
    assert_eq!(outcome(&write_one(logs, index(json!({"a": 1}))).await), (1, WriteEffect::Created));
    assert_eq!(outcome(&write_one(logs, index(json!({"a": 2}))).await), (2, WriteEffect::Updated));
    assert_eq!(source(logs, "versions", "1").await, Some(json!({"a": 2})));
    logs.refresh(&internal(), &["versions".to_owned()]).await.unwrap();
    assert_eq!(outcome(&write_one(logs, index(json!({"a": 3}))).await), (3, WriteEffect::Updated));
    assert_eq!(outcome(&write_one(logs, delete()).await), (4, WriteEffect::Deleted));
    assert_eq!(source(logs, "versions", "1").await, None);
    assert_eq!(outcome(&write_one(logs, delete()).await).1, WriteEffect::NotFound);
    logs.refresh(&internal(), &["versions".to_owned()]).await.unwrap();
    assert_eq!(source(logs, "versions", "1").await, None);
    assert_eq!(logs.indices(&internal(), &["versions".to_owned()]).await.unwrap()[0].documents, 0);
}

async fn updates_merge(logs: &dyn LogStore) {
    let update = |fields| event("updates", Some("1"), Operation::Update, fields);
    assert_eq!(refusal(&write_one(logs, update(json!({"a": 1}))).await), ErrorKind::NotFound);
    let first = json!({"o": {"x": 1, "y": 2}, "list": [true, true]});
    write_one(logs, event("updates", Some("1"), Operation::Index, first)).await;
    for refreshed in [false, true] {
        if refreshed {
            logs.refresh(&internal(), &["updates".to_owned()]).await.unwrap();
        }
        let changed = write_one(logs, update(json!({"o": {"y": 3}, "list": [refreshed]}))).await;
        assert_eq!(outcome(&changed), (2 + u64::from(refreshed), WriteEffect::Updated));
    }
    assert_eq!(outcome(&write_one(logs, update(json!({"o": {"x": 1}}))).await), (3, WriteEffect::Noop));
    assert_eq!(source(logs, "updates", "1").await, Some(json!({"o": {"x": 1, "y": 3}, "list": [true]})));
}

async fn sequence_numbers_guard(logs: &dyn LogStore) {
    let guarded = |expected: u64| {
        let mut event = event("guarded", Some("1"), Operation::Index, json!({"n": expected}));
        event.metadata.expected = Some(SequenceNumber { seq_no: expected, primary_term: 1 });
        event
    };
    assert_eq!(refusal(&write_one(logs, guarded(0)).await), ErrorKind::Conflict);
    write_one(logs, event("guarded", Some("1"), Operation::Index, json!({"n": 0}))).await;
    let at = logs.get(&internal(), "guarded", "1").await.unwrap().unwrap().seq_no.seq_no;
    assert_eq!(refusal(&write_one(logs, guarded(at + 7)).await), ErrorKind::Conflict);
    assert_eq!(outcome(&write_one(logs, guarded(at)).await), (2, WriteEffect::Updated));
    assert_eq!(refusal(&write_one(logs, guarded(at)).await), ErrorKind::Conflict);
    let now = logs.get(&internal(), "guarded", "1").await.unwrap().unwrap();
    assert!(now.seq_no.seq_no > at && now.version == 2);
}

async fn a_batch_has_an_outcome_per_event(logs: &dyn LogStore) {
    let mut homeless = event("x", Some("1"), Operation::Create, json!({}));
    homeless.metadata.index = None;
    let batch = vec![
        event("batch-a", Some("1"), Operation::Create, json!({"n": 1})),
        event("Not Allowed", Some("1"), Operation::Create, json!({})),
        event("batch-b", Some("1"), Operation::Create, json!({"n": 2})),
        homeless,
        event("batch-a", Some("2"), Operation::Create, json!({"@timestamp": "1990-01-01T00:00:00Z"})),
        event("batch-a", Some("3"), Operation::Create, json!({"@timestamp": "2990-01-01T00:00:00Z"})),
        event("../batch", Some("1"), Operation::Create, json!({})),
        event("batch-a", Some(&"x".repeat(513)), Operation::Create, json!({})),
        event("batch-a", None, Operation::Delete, json!({})),
    ];
    let results = logs.write(&internal(), batch, Refresh::WaitFor).await.unwrap();
    assert_eq!(results.len(), 9);
    for (at, result) in results.iter().enumerate() {
        match at {
            0 | 2 => assert_eq!(outcome(result), (1, WriteEffect::Created)),
            _ => assert_eq!(refusal(result), ErrorKind::InvalidRequest, "{at}"),
        }
    }
    assert_eq!(source(logs, "batch-b", "1").await, Some(json!({"n": 2})));
}

async fn scopes_are_obeyed(logs: &dyn LogStore) {
    let one = |index: &str| event(index, Some("1"), Operation::Index, json!({"open": 1, "secret": {"x": 2}}));
    write_one(logs, one("mine-1")).await;
    write_one(logs, one("yours-1")).await;
    let mine = |right| Scope::none("user").with_grant(["mine-*"], &[right]);
    let kind = |error: store::StoreError| error.kind;
    let reader = mine(IndexRight::Read).with_masked_fields(["secret"]);
    let document = logs.get(&reader, "mine-1", "1").await.unwrap().unwrap();
    assert_eq!(Value::Object(document.source.unwrap()), json!({"open": 1}));
    let fields = logs.fields(&reader, &[]).await.unwrap();
    assert_eq!(fields.iter().map(|field| field.name.as_str()).collect::<Vec<_>>(), ["open"]);
    let names: Vec<_> =
        logs.indices(&reader, &["*".to_owned()]).await.unwrap().into_iter().map(|index| index.name).collect();
    assert_eq!(names, ["mine-1"]);
    let yours = ["yours-1".to_owned()];
    assert_eq!(logs.get(&reader, "yours-1", "1").await.map_err(kind), Err(ErrorKind::Forbidden));
    assert_eq!(logs.indices(&reader, &yours).await.map_err(kind), Err(ErrorKind::Forbidden));
    assert_eq!(
        logs.get(&mine(IndexRight::Write), "mine-1", "1").await.map_err(kind),
        Err(ErrorKind::Forbidden)
    );
    let refused = logs.write(&reader, vec![one("mine-1")], Refresh::Background).await.map_err(kind);
    assert_eq!(refused, Err(ErrorKind::Forbidden));
    let writer = mine(IndexRight::Write);
    let results =
        logs.write(&writer, vec![one("yours-1"), one("mine-1")], Refresh::Background).await.unwrap();
    assert_eq!(refusal(&results[0]), ErrorKind::Forbidden);
    assert_eq!(outcome(&results[1]).1, WriteEffect::Updated);
    let refused = logs.delete_index(&reader, "mine-1").await.map_err(kind);
    assert_eq!(refused, Err(ErrorKind::Forbidden));
    let refused = logs.delete_index(&mine(IndexRight::Manage), "yours-1").await.map_err(kind);
    assert_eq!(refused, Err(ErrorKind::Forbidden));
}

async fn templates_give_types(logs: &dyn LogStore, admin: &dyn IndexAdmin) {
    let component = json!({"template": {"mappings": {"properties": {"code": {"type": "keyword"}}}}});
    let template = json!({"index_patterns": ["typed-*"], "priority": 10, "composed_of": ["codes"], "template": {
        "settings": {"index.mapping.ignore_malformed": true},
        "mappings": {"properties": {"at": {"type": "date"}, "ip": {"type": "ip"}, "place": {"type": "geo_point"}}}}});
    admin.put_template(&internal(), TemplateKind::Component, "codes", component, false).await.unwrap();
    admin.put_template(&internal(), TemplateKind::Index, "typed", template, false).await.unwrap();
    let fields =
        json!({"code": 7, "at": "2026-01-01", "ip": "::1", "place": {"lat": 1, "lon": 2}, "free": "text"});
    let written = write_one(logs, event("typed-1", Some("1"), Operation::Create, fields)).await;
    assert!(matches!(&written, WriteResult::Written { ignored, .. } if ignored.is_empty()), "{written:?}");
    let odd = json!({"at": "soon", "ip": "here", "code": "ok"});
    let written = write_one(logs, event("typed-1", Some("2"), Operation::Create, odd)).await;
    assert!(
        matches!(&written, WriteResult::Written { ignored, .. } if *ignored == ["at", "ip"]),
        "{written:?}"
    );
    let types: Vec<_> = logs
        .fields(&internal(), &["typed-*".to_owned()])
        .await
        .unwrap()
        .into_iter()
        .map(|field| (field.name, field.types.join(","), field.aggregatable))
        .collect();
    let expected = [
        ("at", "date", true),
        ("code", "keyword", true),
        ("free", "text", false),
        ("free.keyword", "keyword", true),
        ("ip", "ip", true),
        ("place", "geo_point", true),
    ];
    assert_eq!(types, expected.map(|(name, kind, columns)| (name.to_owned(), kind.to_owned(), columns)));
}

async fn dynamic_types_are_fixed_at_first_sight(logs: &dyn LogStore, admin: &dyn IndexAdmin) {
    let settings = json!({"settings": {"index.mapping.ignore_malformed": true}});
    admin.create_index(&internal(), "dynamic", settings).await.unwrap();
    write_one(logs, event("exact", None, Operation::Create, json!({"n": 1, "o": {"t": "x"}}))).await;
    for odd in [json!({"n": "many"}), json!({"o": 5})] {
        let result = write_one(logs, event("exact", None, Operation::Create, odd)).await;
        assert_eq!(refusal(&result), ErrorKind::InvalidRequest);
    }
    let ignored = async |fields: Value| match write_one(
        logs,
        event("dynamic", None, Operation::Create, fields),
    )
    .await
    {
        WriteResult::Written { ignored, .. } => ignored,
        refused => panic!("{refused:?}"),
    };
    assert!(ignored(json!({"n": 1, "o": {"t": "x"}})).await.is_empty());
    assert_eq!(ignored(json!({"n": "many", "o": 5})).await, ["n", "o"]);
    assert!(ignored(json!({"n": "12", "o": {"t": 5}})).await.is_empty());
}

async fn indices_and_tokens(logs: &dyn LogStore) {
    let patterns = ["days-*".to_owned()];
    let at = |day: u32| json!({"@timestamp": format!("2026-01-{day:02}T12:00:00Z")});
    write_one(logs, event("days-1", Some("1"), Operation::Create, at(1))).await;
    write_one(logs, event("days-2", Some("1"), Operation::Create, at(2))).await;
    logs.refresh(&internal(), &patterns).await.unwrap();
    let day_ms = 24 * 60 * 60 * 1000;
    let noon_ms = 1_767_268_800_000;
    let infos = logs.indices(&internal(), &patterns).await.unwrap();
    assert_eq!(
        infos.iter().map(|index| index.range).collect::<Vec<_>>(),
        [Some((noon_ms, noon_ms)), Some((noon_ms + day_ms, noon_ms + day_ms))]
    );
    assert!(infos.iter().all(|index| index.documents == 1 && index.size_bytes > 0));
    let first_day = TimeRange { from_ms: None, to_ms: Some(noon_ms + day_ms / 2) };
    let token = async |range| logs.state_token(&internal(), &patterns, range).await.unwrap();
    let (all, first) = (token(None).await, token(Some(first_day)).await);
    assert_eq!((token(None).await, token(Some(first_day)).await), (all.clone(), first.clone()));
    write_one(logs, event("days-2", Some("2"), Operation::Create, at(2))).await;
    logs.refresh(&internal(), &patterns).await.unwrap();
    assert_ne!(token(None).await, all);
    assert_eq!(token(Some(first_day)).await, first);
    logs.delete_index(&internal(), "days-1").await.unwrap();
    assert_ne!(token(Some(first_day)).await, first);
    let gone = logs.get(&internal(), "days-1", "1").await.map_err(|error| error.kind);
    assert_eq!(gone, Err(ErrorKind::NotFound));
    write_one(logs, event("days-1", Some("1"), Operation::Create, at(1))).await;
    assert!(source(logs, "days-1", "1").await.is_some());
}
