//! The suite of [`DocumentStore`], and what is particular to SQLite.

use event::Object;
use jiff::{SignedDuration, Timestamp};
use proptest::{prelude::*, test_runner::TestRunner};
use serde_json::{Value, json};
use std::{path::Path, sync::Arc, time::Duration};
use store::{
    Clock, ErrorKind,
    documents::{
        Collection, Condition, DocumentIndex, DocumentStore, Expect, Find, FindCursor, NewDocument, Operator,
        SqliteDocuments, StoredDocument,
    },
};

/// People, by mail address and by age.
pub(crate) const PEOPLE: Collection = Collection {
    name: "people",
    indices: &[
        DocumentIndex { fields: &["mail"], unique: true },
        DocumentIndex { fields: &["shop.name", "age"], unique: false },
        DocumentIndex { fields: &["age"], unique: false },
    ],
};

/// Anything, looked up by one member or scanned.
pub(crate) const THINGS: Collection =
    Collection { name: "things", indices: &[DocumentIndex { fields: &["a"], unique: false }] };

/// All collections of the suite.
pub(crate) const COLLECTIONS: &[Collection] = &[PEOPLE, THINGS];

/// What every document store must do. The store is empty and tells the time by `clock`.
pub(crate) async fn suite(store: &dyn DocumentStore, clock: &Clock) {
    a_document_reads_back_as_written(store).await;
    expectations_guard_writes(store).await;
    unique_values_conflict(store, clock).await;
    conditions_select(store).await;
    pages_follow_each_other(store).await;
    pages_are_stable_under_inserts(store).await;
    batches_and_removal(store).await;
    expired_documents_are_gone(store, clock).await;
    senseless_requests_are_refused(store).await;
    store.health().await.unwrap();
    for collection in COLLECTIONS {
        clear(store, collection).await;
    }
}

fn object(value: Value) -> Object {
    value.as_object().unwrap().clone()
}

fn new(id: &str, body: Value) -> NewDocument {
    NewDocument { id: id.into(), body: object(body), expires_at: None }
}

fn condition(field: &str, operator: Operator, value: Value) -> Condition {
    Condition { field: field.into(), operator, value }
}

fn kind<T: std::fmt::Debug>(outcome: Result<T, store::StoreError>) -> ErrorKind {
    outcome.unwrap_err().kind
}

async fn put(store: &dyn DocumentStore, collection: &Collection, id: &str, body: Value) -> u64 {
    store.put(collection, new(id, body), Expect::Anything).await.unwrap()
}

async fn clear(store: &dyn DocumentStore, collection: &Collection) {
    store.delete_where(collection, &[]).await.unwrap();
    assert_eq!(store.count(collection, &[]).await.unwrap(), 0);
}

fn ids(found: &[StoredDocument]) -> Vec<&str> {
    found.iter().map(|document| document.id.as_str()).collect()
}

async fn a_document_reads_back_as_written(store: &dyn DocumentStore) {
    let body = json!({"z": 1, "a": {"b": [1, 2.5, null, "é\u{1F600}\"'\\"]}, "big": 9_007_199_254_740_993_i64,
        "tiny": 5e-324, "third": 0.1 + 0.2, "long": -20.354577584108778});
    assert_eq!(store.get(&THINGS, "1").await.unwrap(), None);
    let version = put(store, &THINGS, "1", body.clone()).await;
    let read = store.get(&THINGS, "1").await.unwrap().unwrap();
    assert_eq!((read.id.as_str(), read.version), ("1", version));
    assert_eq!(serde_json::to_string(&read.body).unwrap(), body.to_string(), "order of members included");
    assert_eq!(store.get(&PEOPLE, "1").await.unwrap(), None, "collections are apart");
    clear(store, &THINGS).await;
}

async fn expectations_guard_writes(store: &dyn DocumentStore) {
    let write = |value: u32, expect| store.put(&THINGS, new("1", json!({"a": value})), expect);
    assert_eq!(kind(write(0, Expect::Version(1)).await), ErrorKind::Conflict);
    let first = write(1, Expect::Absent).await.unwrap();
    assert_eq!(kind(write(2, Expect::Absent).await), ErrorKind::Conflict);
    let second = write(3, Expect::Version(first)).await.unwrap();
    assert_ne!(first, second);
    assert_eq!(kind(write(4, Expect::Version(first)).await), ErrorKind::Conflict);
    assert_eq!(store.get(&THINGS, "1").await.unwrap().unwrap().body, object(json!({"a": 3})));
    assert!(store.delete(&THINGS, "1").await.unwrap());
    assert!(!store.delete(&THINGS, "1").await.unwrap());
    let third = write(5, Expect::Absent).await.unwrap();
    assert!(third != first && third != second, "a document made anew is another");
    clear(store, &THINGS).await;
}

async fn unique_values_conflict(store: &dyn DocumentStore, clock: &Clock) {
    put(store, &PEOPLE, "1", json!({"mail": "a@example.org"})).await;
    let second = || new("2", json!({"mail": "a@example.org"}));
    let refused = store.put(&PEOPLE, second(), Expect::Absent).await.unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Conflict);
    assert!(refused.message.contains("people(mail)"), "{}", refused.message);
    assert_eq!(kind(store.put_many(&PEOPLE, vec![second()]).await), ErrorKind::Conflict);
    assert_eq!(store.count(&PEOPLE, &[]).await.unwrap(), 1);
    // The same document may keep its value; absent and null members are not compared.
    put(store, &PEOPLE, "1", json!({"mail": "a@example.org", "age": 3})).await;
    for (id, body) in [("3", json!({})), ("4", json!({})), ("5", json!({"mail": null}))] {
        put(store, &PEOPLE, id, body).await;
    }
    // An expired document does not stand in the way, swept or not.
    let expires_at = Some(clock.now() + SignedDuration::from_secs(10));
    let passing = NewDocument { expires_at, ..new("1", json!({"mail": "a@example.org"})) };
    store.put(&PEOPLE, passing, Expect::Anything).await.unwrap();
    assert_eq!(kind(store.put(&PEOPLE, second(), Expect::Absent).await), ErrorKind::Conflict);
    clock.advance(Duration::from_secs(10));
    store.put(&PEOPLE, second(), Expect::Absent).await.unwrap();
    clear(store, &PEOPLE).await;
}

async fn conditions_select(store: &dyn DocumentStore) {
    let values = [
        ("absent", json!({})),
        ("array", json!({"a": [5]})),
        ("eight", json!({"a": 8.5})),
        ("false", json!({"a": false})),
        ("five", json!({"a": 5})),
        ("max", json!({"a": u64::MAX})),
        ("null", json!({"a": null})),
        ("object", json!({"a": {"b": "x"}})),
        ("text", json!({"a": "5"})),
        ("true", json!({"a": true})),
        ("word", json!({"a": "wörd"})),
    ];
    store.put_many(&THINGS, values.map(|(id, body)| new(id, body)).to_vec()).await.unwrap();
    use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let rows = [
        ("a", Equal, json!(5), "five"),
        ("a", Equal, json!(5.0), "five"),
        ("a", Equal, json!(8.5), "eight"),
        ("a", Equal, json!(u64::MAX), "max"),
        ("a", Equal, json!("5"), "text"),
        ("a", Equal, json!(true), "true"),
        ("a", Equal, json!(1), ""),
        ("a", Equal, json!("{\"b\":\"x\"}"), ""),
        ("a", NotEqual, json!(5), "absent array eight false max null object text true word"),
        ("a", Less, json!(8.5), "five"),
        ("a", LessOrEqual, json!(8.5), "eight five"),
        ("a", Greater, json!(5), "eight max"),
        ("a", GreaterOrEqual, json!(5), "eight five max"),
        ("a", Less, json!("w"), "text"),
        ("a", LessOrEqual, json!("wörd"), "text word"),
        ("a", Greater, json!("5"), "word"),
        ("a", GreaterOrEqual, json!(""), "text word"),
        ("a", Less, json!(true), "false"),
        ("a", LessOrEqual, json!(true), "false true"),
        ("a", Greater, json!(false), "true"),
        ("a.b", Equal, json!("x"), "object"),
        ("a.b.c", Equal, json!("x"), ""),
    ];
    for (field, operator, value, expected) in rows {
        let conditions = vec![condition(field, operator, value.clone())];
        let expected: Vec<&str> = expected.split_whitespace().collect();
        assert_eq!(store.count(&THINGS, &conditions).await.unwrap(), expected.len() as u64);
        let found = store.find(&THINGS, Find { conditions, limit: 100, ..Find::default() }).await.unwrap();
        assert_eq!(ids(&found), expected, "{field} {operator:?} {value}");
    }
    let both = vec![condition("a", Greater, json!(5)), condition("a", Less, json!(9))];
    let found = store.find(&THINGS, Find { conditions: both, limit: 100, ..Find::default() }).await.unwrap();
    assert_eq!(ids(&found), ["eight"]);
    clear(store, &THINGS).await;
}

/// Reads the whole answer page by page.
async fn paged(store: &dyn DocumentStore, collection: &Collection, find: &Find, page: usize) -> Vec<String> {
    let mut seen = Vec::new();
    let mut after = None;
    loop {
        let find = Find { limit: page, after: after.take(), ..find.clone() };
        let found = store.find(collection, find.clone()).await.unwrap();
        seen.extend(found.iter().map(|document| document.id.clone()));
        assert!(found.len() <= page);
        assert!(seen.len() <= 1000, "{find:?} does not come to an end");
        match found.last() {
            Some(last) if found.len() == page => after = Some(FindCursor::after(last, find.sort.as_deref())),
            _ => return seen,
        }
    }
}

async fn pages_follow_each_other(store: &dyn DocumentStore) {
    let values = [
        ("1", json!({"age": 30})),
        ("2", json!({})),
        ("3", json!({"age": 4})),
        ("4", json!({"age": "4"})),
        ("5", json!({"age": 30})),
        ("6", json!({"age": true})),
        ("7", json!({"age": null})),
        ("8", json!({"age": 30})),
        ("9", json!({"age": -20.354577584108778})),
    ];
    store.put_many(&PEOPLE, values.map(|(id, body)| new(id, body)).to_vec()).await.unwrap();
    let ascending = "279315846";
    let check = async |find: Find, expected: &str| {
        for page in 1..=10 {
            assert_eq!(paged(store, &PEOPLE, &find, page).await.concat(), expected, "pages of {page}");
        }
    };
    let by_age = Find { sort: Some("age".into()), ..Find::default() };
    check(by_age.clone(), ascending).await;
    check(Find { descending: true, ..by_age }, &ascending.chars().rev().collect::<String>()).await;
    check(Find::default(), "123456789").await;
    check(Find { descending: true, ..Find::default() }, "987654321").await;
    let grown_up = vec![condition("age", Operator::GreaterOrEqual, json!(4))];
    check(Find { sort: Some("age".into()), conditions: grown_up, ..Find::default() }, "3158").await;
    assert_eq!(store.find(&PEOPLE, Find::default()).await.unwrap(), [], "a limit of none");
    clear(store, &PEOPLE).await;
}

async fn pages_are_stable_under_inserts(store: &dyn DocumentStore) {
    let age = |age: u32| json!({"shop": {"name": "x"}, "age": age});
    for n in 0..20_u32 {
        put(store, &PEOPLE, &format!("{n:02}"), age(n / 3)).await;
    }
    let mut find = Find {
        conditions: vec![condition("shop.name", Operator::Equal, json!("x"))],
        sort: Some("age".into()),
        limit: 3,
        ..Find::default()
    };
    let mut seen = Vec::new();
    for round in 0.. {
        let found = store.find(&PEOPLE, find.clone()).await.unwrap();
        let Some(last) = found.last() else { break };
        find.after = Some(FindCursor::after(last, Some("age")));
        seen.extend(ids(&found).into_iter().map(str::to_owned));
        // Sorts before everything: never seen, and moves nothing.
        put(store, &PEOPLE, &format!("-{round}"), age(0)).await;
        store.delete(&PEOPLE, &last.id).await.unwrap();
    }
    let expected: Vec<String> = (0..20).map(|n| format!("{n:02}")).collect();
    assert_eq!(seen, expected);
    clear(store, &PEOPLE).await;
}

async fn batches_and_removal(store: &dyn DocumentStore) {
    let documents = (0..100).map(|n| new(&n.to_string(), json!({"a": n % 10}))).collect();
    store.put_many(&THINGS, documents).await.unwrap();
    store.put_many(&THINGS, Vec::new()).await.unwrap();
    let threes = [condition("a", Operator::Equal, json!(3))];
    assert_eq!(store.delete_where(&THINGS, &threes).await.unwrap(), 10);
    assert_eq!(store.delete_where(&THINGS, &threes).await.unwrap(), 0);
    assert_eq!(store.count(&THINGS, &[]).await.unwrap(), 90);
    clear(store, &THINGS).await;
}

async fn expired_documents_are_gone(store: &dyn DocumentStore, clock: &Clock) {
    let expires_at = Some(clock.now() + SignedDuration::from_secs(60));
    let passing = |id: &str| NewDocument { expires_at, ..new(id, json!({"a": 1})) };
    store.put_many(&THINGS, vec![passing("1"), passing("2"), new("3", json!({"a": 1}))]).await.unwrap();
    let conditions = [condition("a", Operator::Equal, json!(1))];
    assert_eq!(store.count(&THINGS, &conditions).await.unwrap(), 3);
    clock.advance(Duration::from_secs(60));
    assert_eq!(store.get(&THINGS, "1").await.unwrap(), None);
    assert_eq!(store.count(&THINGS, &conditions).await.unwrap(), 1);
    let found = store.find(&THINGS, Find { limit: 9, ..Find::default() }).await.unwrap();
    assert_eq!(ids(&found), ["3"]);
    assert!(!store.delete(&THINGS, "1").await.unwrap());
    store.put(&THINGS, new("2", json!({"a": 2})), Expect::Absent).await.unwrap();
    assert!(store.get(&THINGS, "2").await.unwrap().is_some(), "written anew, without an end");
    assert_eq!(store.delete_where(&THINGS, &conditions).await.unwrap(), 1);
    clear(store, &THINGS).await;
}

async fn senseless_requests_are_refused(store: &dyn DocumentStore) {
    let find = |field: &str, value: Value| Find {
        conditions: vec![condition(field, Operator::Equal, value)],
        limit: 1,
        ..Find::default()
    };
    for question in [
        find("a'", json!(1)),
        find("a\"", json!(1)),
        find("", json!(1)),
        find("a", Value::Null),
        find("a", json!([1])),
        Find { sort: Some("a b".into()), limit: 1, ..Find::default() },
        Find { conditions: vec![condition("a", Operator::Equal, json!(1)); 33], ..Find::default() },
    ] {
        assert_eq!(
            kind(store.find(&THINGS, question.clone()).await),
            ErrorKind::InvalidRequest,
            "{question:?}"
        );
    }
    for id in ["", "a\nb", &"x".repeat(513)] {
        let outcome = store.put(&THINGS, new(id, json!({})), Expect::Anything).await;
        assert_eq!(kind(outcome), ErrorKind::InvalidRequest, "{id:?}");
    }
    let large = new("1", json!({"a": "x".repeat(8 << 20)}));
    assert_eq!(kind(store.put(&THINGS, large, Expect::Anything).await), ErrorKind::InvalidRequest);
    let undeclared = Collection { name: "undeclared", indices: &[] };
    assert_eq!(kind(store.get(&undeclared, "1").await), ErrorKind::InvalidRequest);
}

// ---- SQLite ----

fn start() -> Timestamp {
    "2026-11-21T12:00:00Z".parse().unwrap()
}

fn open(path: &Path, collections: &[Collection]) -> Result<SqliteDocuments, store::StoreError> {
    SqliteDocuments::open(path, collections, Clock::manual(start()))
}

#[tokio::test]
async fn sqlite_passes_the_suite() {
    let directory = tempfile::tempdir().unwrap();
    let clock = Clock::manual(start());
    let store = SqliteDocuments::open(&directory.path().join("db"), COLLECTIONS, clock.clone()).unwrap();
    suite(&store, &clock).await;
}

#[tokio::test]
async fn documents_survive_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    let version = put(&open(&path, COLLECTIONS).unwrap(), &THINGS, "1", json!({"a": 1})).await;
    let store = open(&path, COLLECTIONS).unwrap();
    assert_eq!(store.get(&THINGS, "1").await.unwrap().unwrap().version, version);
    assert!(put(&store, &THINGS, "1", json!({"a": 2})).await > version);
}

#[tokio::test]
async fn indices_follow_the_declaration() {
    const PLAIN: Collection = Collection { name: "people", indices: &[] };
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    let twins = [new("1", json!({"mail": "x"})), new("2", json!({"mail": "x"}))];
    let store = open(&path, &[PLAIN]).unwrap();
    store.put_many(&PLAIN, twins.to_vec()).await.unwrap();
    drop(store);
    let refused = open(&path, &[PEOPLE]).map(drop).unwrap_err();
    assert_eq!(refused.kind, ErrorKind::Conflict);
    assert!(refused.message.contains("people(mail)"), "{}", refused.message);
    open(&path, &[PLAIN]).unwrap().delete(&PLAIN, "2").await.unwrap();
    let store = open(&path, &[PEOPLE]).unwrap();
    assert_eq!(kind(store.put_many(&PEOPLE, vec![twins[1].clone()]).await), ErrorKind::Conflict);
    drop(store);
    open(&path, &[PLAIN]).unwrap().put_many(&PLAIN, twins.to_vec()).await.unwrap();
}

#[test]
fn senseless_declarations_are_refused() {
    let check = |collections: &[Collection], part: &str| {
        let directory = tempfile::tempdir().unwrap();
        let refused = open(&directory.path().join("db"), collections).map(drop).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::InvalidRequest);
        assert!(refused.message.contains(part), "{}", refused.message);
    };
    let with = |name, indices| Collection { name, indices };
    check(&[THINGS, THINGS], "twice");
    check(&[with("a\"b", &[])], "name");
    check(&[with("a", &[DocumentIndex { fields: &[], unique: false }])], "0 fields");
    check(&[with("a", &[DocumentIndex { fields: &["x'"], unique: false }])], "x'");
}

#[test]
fn foreign_and_newer_files_are_refused() {
    let check = |sql: &str, part: &str| {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("db");
        drop(open(&path, COLLECTIONS).unwrap());
        rusqlite::Connection::open(&path).unwrap().execute_batch(sql).unwrap();
        let refused = open(&path, COLLECTIONS).map(drop).unwrap_err();
        assert_eq!(refused.kind, ErrorKind::InvalidRequest);
        assert!(refused.message.contains(part), "{}", refused.message);
    };
    check("PRAGMA user_version = 1000000", "format 1000000");
    check("PRAGMA application_id = 7", "another program");
}

#[test]
fn a_damaged_file_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("db");
    std::fs::write(&path, "this is no database, whatever its name says; it is text".repeat(100)).unwrap();
    assert_eq!(kind(open(&path, COLLECTIONS).map(drop)), ErrorKind::Corrupt);
}

#[cfg(unix)]
#[tokio::test]
async fn files_are_private() {
    use std::os::unix::fs::PermissionsExt;
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("db"), COLLECTIONS).unwrap();
    put(&store, &THINGS, "1", json!({})).await;
    for file in directory.path().read_dir().unwrap() {
        let file = file.unwrap();
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", file.path());
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn concurrent_writers_lose_nothing() {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(open(&directory.path().join("db"), COLLECTIONS).unwrap());
    put(&*store, &THINGS, "count", json!({"a": 0})).await;
    let add = async |store: &SqliteDocuments| {
        loop {
            let old = store.get(&THINGS, "count").await.unwrap().unwrap();
            let body = json!({"a": old.body["a"].as_u64().unwrap() + 1});
            match store.put(&THINGS, new("count", body), Expect::Version(old.version)).await {
                Ok(_) => return,
                Err(error) => assert_eq!(error.kind, ErrorKind::Conflict),
            }
        }
    };
    let tasks: Vec<_> = (0..8)
        .map(|task| {
            let store = store.clone();
            tokio::spawn(async move {
                for n in 0..25 {
                    add(&store).await;
                    put(&*store, &THINGS, &format!("{task}-{n}"), json!({"a": n})).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    assert_eq!(store.get(&THINGS, "count").await.unwrap().unwrap().body["a"], 200);
    assert_eq!(store.count(&THINGS, &[]).await.unwrap(), 201);
}

#[tokio::test]
async fn a_failed_write_leaves_its_batch_alone() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("db"), COLLECTIONS).unwrap();
    put(&store, &PEOPLE, "taken", json!({"mail": "x"})).await;
    let writes = (0..50).map(|n| {
        let mail = if n % 2 == 0 { json!(n) } else { json!("x") };
        store.put(&PEOPLE, new(&n.to_string(), json!({"mail": mail})), Expect::Absent)
    });
    let outcomes = futures::future::join_all(writes).await;
    for (n, outcome) in outcomes.into_iter().enumerate() {
        assert_eq!(outcome.is_ok(), n % 2 == 0, "write {n}");
    }
    assert_eq!(store.count(&PEOPLE, &[]).await.unwrap(), 26);
    let half = vec![new("new", json!({})), new("twin", json!({"mail": "x"}))];
    assert_eq!(kind(store.put_many(&PEOPLE, half).await), ErrorKind::Conflict);
    assert_eq!(store.get(&PEOPLE, "new").await.unwrap(), None, "all or none");
}

/// Rank of a value in the order of an answer, and the value as a key within its rank.
fn naive_key(value: Option<&Value>) -> (u8, f64, String) {
    match value {
        Some(Value::Number(number)) => (1, number.as_f64().unwrap(), String::new()),
        Some(Value::String(text)) => (2, 0.0, text.clone()),
        Some(Value::Bool(truth)) => (3, f64::from(u8::from(*truth)), String::new()),
        _ => (0, 0.0, String::new()),
    }
}

fn naive_match(body: &Object, condition: &Condition) -> bool {
    let (left, right) = (naive_key(body.get(&condition.field)), naive_key(Some(&condition.value)));
    let same_class = left.0 == right.0;
    match condition.operator {
        Operator::Equal => left == right,
        Operator::NotEqual => left != right,
        Operator::Less => same_class && left < right,
        Operator::LessOrEqual => same_class && left <= right,
        Operator::Greater => same_class && left > right,
        Operator::GreaterOrEqual => same_class && left >= right,
    }
}

fn scalar() -> impl Strategy<Value = Value> {
    prop_oneof![
        (-3_i64..3).prop_map(Value::from),
        (-1e3..1e3_f64).prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        prop_oneof![Just(String::new()), "[a-c\\x00é]{0,2}"].prop_map(Value::from),
    ]
}

fn any_value() -> impl Strategy<Value = Value> {
    prop_oneof![8 => scalar(), 1 => Just(Value::Null), 1 => Just(json!([1])), 1 => Just(json!({"x": 1}))]
}

fn any_condition() -> impl Strategy<Value = Condition> {
    use Operator::{Equal, Greater, GreaterOrEqual, Less, LessOrEqual, NotEqual};
    let operator =
        proptest::sample::select(vec![Equal, NotEqual, Less, LessOrEqual, Greater, GreaterOrEqual]);
    (proptest::sample::select(vec!["a", "b"]), operator, scalar())
        .prop_map(|(field, operator, value)| condition(field, operator, value))
}

/// Documents of two members, either of which may be absent.
fn any_documents() -> impl Strategy<Value = Vec<NewDocument>> {
    let member = || proptest::option::of(any_value());
    proptest::collection::vec((member(), member()), 0..30).prop_map(|bodies| {
        let document = |(n, (a, b)): (usize, (Option<Value>, Option<Value>))| {
            let members =
                [("a", a), ("b", b)].into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?)));
            NewDocument { id: format!("{:02}", (n * 7) % 31), body: members.collect(), expires_at: None }
        };
        bodies.into_iter().enumerate().map(document).collect()
    })
}

/// A question, and the number of documents on a page of its answer.
fn any_question() -> impl Strategy<Value = (Find, usize)> {
    let conditions = proptest::collection::vec(any_condition(), 0..3);
    let sort = proptest::option::of(proptest::sample::select(vec!["a", "b"]));
    (conditions, sort, any::<bool>(), 1_usize..8).prop_map(|(conditions, sort, descending, page)| {
        (Find { conditions, sort: sort.map(str::to_owned), descending, ..Find::default() }, page)
    })
}

fn naive_find<'a>(documents: &'a [NewDocument], find: &Find) -> Vec<&'a str> {
    let fits = |document: &&NewDocument| find.conditions.iter().all(|c| naive_match(&document.body, c));
    let mut found: Vec<&NewDocument> = documents.iter().filter(fits).collect();
    found.sort_by(|x, y| {
        let key =
            |d: &NewDocument| (find.sort.as_deref().map(|field| naive_key(d.body.get(field))), d.id.clone());
        let order = key(x).partial_cmp(&key(y)).unwrap();
        if find.descending { order.reverse() } else { order }
    });
    found.into_iter().map(|document| document.id.as_str()).collect()
}

/// Any question, read page by page, is answered as a plain filter and sort in memory would.
#[test]
fn find_is_filter_and_sort() {
    let directory = tempfile::tempdir().unwrap();
    let store = open(&directory.path().join("db"), COLLECTIONS).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let cases = (any_documents(), proptest::collection::vec(any_question(), 1..6));
    let mut runner = TestRunner::new(ProptestConfig::with_cases(64));
    let outcome = runner.run(&cases, |(documents, questions)| {
        runtime.block_on(async {
            store.delete_where(&THINGS, &[]).await.unwrap();
            store.put_many(&THINGS, documents.clone()).await.unwrap();
            for (find, page) in questions {
                let expected = naive_find(&documents, &find);
                assert_eq!(paged(&store, &THINGS, &find, page).await, expected, "{find:?}");
                let count = store.count(&THINGS, &find.conditions).await.unwrap();
                assert_eq!(count, expected.len() as u64, "{find:?}");
            }
        });
        Ok(())
    });
    outcome.unwrap();
}
