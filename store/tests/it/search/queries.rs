use super::{Fixture, internal, page};
use serde_json::{Value, json};
use store::{
    ErrorKind,
    logs::{IndexAdmin, TemplateKind},
    scope::{IndexRight, Scope},
};

/// Eight small documents over two days, once in indices with explicit fields and once in indices without.
async fn corpus() -> Fixture {
    let fixture = Fixture::new().await;
    let documents = [
        json!({"_id": "1", "@timestamp": "2026-11-20T08:00:00Z", "message": "Connection refused by payment gateway", "status": 500, "amount": 12.5, "ok": false, "country": "DE", "tags": ["a", "b"], "user": {"name": "anna"}}),
        json!({"_id": "2", "@timestamp": "2026-11-20T09:30:00Z", "message": "payment accepted", "status": 200, "amount": 99.99, "ok": true, "country": "FR", "tags": ["b"], "user": {"name": "bert"}}),
        json!({"_id": "3", "@timestamp": "2026-11-20T23:59:59.999Z", "message": "GET /cart/items?id=7 refused", "status": 404, "ok": false, "country": "DE", "user": {"name": "Anna"}}),
        json!({"_id": "4", "@timestamp": "2026-11-21T00:00:00Z", "message": "user login", "status": 200, "ok": true, "country": "US", "user": {"name": "carl"}}),
        json!({"_id": "5", "@timestamp": "2026-11-21T10:00:00Z", "message": "the gateway refused the connection", "status": 503, "amount": 0.5, "country": "DE"}),
        json!({"_id": "6", "@timestamp": "2026-11-21T11:00:00Z", "message": "slow query: 1532 ms", "status": 200, "amount": -3.25, "tags": ["c"]}),
        json!({"_id": "7", "@timestamp": "2026-11-21T12:00:00Z", "message": "Straße überflutet", "status": 201}),
        json!({"_id": "8", "@timestamp": "2026-11-21T13:00:00Z", "status": 301, "country": "de"}),
    ];
    for prefix in ["shop", "free"] {
        let located = documents.iter().map(|document| {
            let mut document = document.clone();
            let day = if document["@timestamp"].as_str().unwrap() < "2026-11-21" { "20" } else { "21" };
            document["_index"] = json!(format!("{prefix}-2026.11.{day}"));
            document
        });
        fixture.write(located.collect()).await;
    }
    let addresses = [("a", "10.0.0.1"), ("b", "10.0.1.1"), ("c", "192.168.0.1"), ("d", "2001:db8::1")];
    let located =
        addresses.iter().map(|(id, ip)| json!({"_id": id, "_index": "shop-ip", "ip": ip, "price": 9.99}));
    fixture.write(located.collect()).await;
    fixture
}

/// The explicit and the dynamic indices must find the same documents. Dynamic strings are texts whose exact value is
/// below `.keyword`.
struct Check(Fixture);

impl Check {
    async fn finds(&self, query: Value, expected: &str) {
        let expected: Vec<String> = expected.split_whitespace().map(str::to_owned).collect();
        assert_eq!(self.0.ids("shop-2026*", query.clone()).await, expected, "explicit: {query}");
        let text = query.to_string();
        let dynamic = ["country", "tags", "user.name"].iter().fold(text, |text, field| {
            text.replace(&format!("\"{field}\":"), &format!("\"{field}.keyword\":"))
                .replace(&format!("{field}:"), &format!("{field}.keyword:"))
        });
        let dynamic: Value =
            serde_json::from_str(&dynamic.replace("message.raw", "message.keyword")).unwrap();
        assert_eq!(self.0.ids("free-*", dynamic.clone()).await, expected, "dynamic: {dynamic}");
    }

    async fn refuses(&self, query: Value, part: &str) {
        let error = self.0.search_as(&internal(), "shop-2026*", json!({"query": query})).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidRequest, "{query}: {error}");
        assert!(error.message.contains(part), "{query}: {error}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn exact_values_and_ranges() {
    let check = Check(corpus().await);
    check.finds(json!({"match_all": {}}), "1 2 3 4 5 6 7 8").await;
    check.finds(json!({"match_none": {}}), "").await;
    check.finds(json!({"term": {"country": "DE"}}), "1 3 5").await;
    check.finds(json!({"term": {"country": {"value": "de", "case_insensitive": true}}}), "1 3 5 8").await;
    check.finds(json!({"term": {"status": 200}}), "2 4 6").await;
    check.finds(json!({"term": {"status": "200"}}), "2 4 6").await;
    check.finds(json!({"term": {"status": 200.5}}), "").await;
    check.finds(json!({"term": {"amount": 99.99}}), "2").await;
    check.finds(json!({"term": {"ok": true}}), "2 4").await;
    check.finds(json!({"term": {"ok": "false"}}), "1 3").await;
    check.finds(json!({"term": {"tags": "b"}}), "1 2").await;
    check.finds(json!({"term": {"unknown": "b"}}), "").await;
    check.finds(json!({"term": {"@timestamp": "2026-11-20"}}), "1 2 3").await;
    check.finds(json!({"terms": {"status": [200, 404]}}), "2 3 4 6").await;
    check.finds(json!({"terms": {"status": [200, 404, 500, 301, 7]}}), "1 2 3 4 6 8").await;
    check.finds(json!({"terms": {"country": ["FR", "US"]}}), "2 4").await;
    check.finds(json!({"ids": {"values": ["3", "8", "99"]}}), "3 8").await;
    check.finds(json!({"range": {"status": {"gte": 400, "lt": 503}}}), "1 3").await;
    check.finds(json!({"range": {"status": {"gt": "500"}}}), "5").await;
    check.finds(json!({"range": {"amount": {"gt": -3.25, "lte": 12.5}}}), "1 5").await;
    check.finds(json!({"range": {"country": {"gte": "DE", "lt": "US"}}}), "1 2 3 5").await;
    check.finds(json!({"range": {"@timestamp": {"gte": "2026-11-21"}}}), "4 5 6 7 8").await;
    check.finds(json!({"range": {"@timestamp": {"lte": "2026-11-20"}}}), "1 2 3").await;
    check.finds(json!({"range": {"@timestamp": {"gt": "2026-11-20"}}}), "4 5 6 7 8").await;
    check.finds(json!({"range": {"@timestamp": {"lt": "2026-11-21"}}}), "1 2 3").await;
    check
        .finds(json!({"range": {"@timestamp": {"gte": "2026-11-20||+1d", "lt": "2026-11-21T11"}}}), "4 5")
        .await;
    check
        .finds(json!({"range": {"@timestamp": {"gte": "2026-11-21", "time_zone": "+01:00"}}}), "3 4 5 6 7 8")
        .await;
    check
        .finds(json!({"range": {"@timestamp": {"gte": "21/11/2026", "format": "dd/MM/yyyy"}}}), "4 5 6 7 8")
        .await;
    check.finds(json!({"range": {"@timestamp": {"gte": 1_795_255_200_000_i64}}}), "5 6 7 8").await;
    check.finds(json!({"exists": {"field": "amount"}}), "1 2 5 6").await;
    check.finds(json!({"exists": {"field": "message"}}), "1 2 3 4 5 6 7").await;
    check.finds(json!({"exists": {"field": "user"}}), "1 2 3 4").await;
    check
        .refuses(json!({"term": {"status": "many"}}), "failed to create query: For input string: \"many\"")
        .await;
    check
        .refuses(json!({"range": {"@timestamp": {"gte": "soon"}}}), "failed to parse date field [soon]")
        .await;
    check.finds(json!({"range": {"message": {"gte": "payment", "lt": "payments"}}}), "1 2").await;
    check.refuses(json!({"range": {"ok": {"gte": true}}}), "does not support [range]").await;
    check.refuses(json!({"percolate": {"field": "query"}}), "unknown query [percolate]").await;
    check.refuses(json!({"nested": {"path": "a"}}), "Required [query]").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn patterns() {
    let check = Check(corpus().await);
    check.finds(json!({"prefix": {"user.name": "an"}}), "1").await;
    check.finds(json!({"prefix": {"user.name": {"value": "AN", "case_insensitive": true}}}), "1 3").await;
    check.finds(json!({"prefix": {"message": "pay"}}), "1 2").await;
    check.finds(json!({"wildcard": {"user.name": "?nna"}}), "1 3").await;
    check.finds(json!({"wildcard": {"message.raw": "*refused*"}}), "1 3 5").await;
    check.finds(json!({"regexp": {"user.name": "[a-c].*t|carl"}}), "2 4").await;
    check.finds(json!({"fuzzy": {"user.name": "berd"}}), "2").await;
    check.finds(json!({"fuzzy": {"message": "paymnet"}}), "1 2").await;
    check.refuses(json!({"prefix": {"status": "5"}}), "[prefix]").await;
    check.refuses(json!({"regexp": {"country": "~x"}}), "\"~\" is not supported").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn texts() {
    let check = Check(corpus().await);
    check.finds(json!({"match": {"message": "refused"}}), "1 3 5").await;
    check.finds(json!({"match": {"message": "PAYMENT login"}}), "1 2 4").await;
    check.finds(json!({"match": {"message": {"query": "gateway refused", "operator": "and"}}}), "1 5").await;
    let least = json!({"match": {"message": {"query": "connection refused gateway user", "minimum_should_match": "75%"}}});
    check.finds(least, "1 5").await;
    check.finds(json!({"match": {"message": {"query": "conection", "fuzziness": "AUTO"}}}), "1 5").await;
    check.finds(json!({"match": {"message": "straße"}}), "7").await;
    check.finds(json!({"match": {"status": "404"}}), "3").await;
    check.finds(json!({"match": {"country": "DE"}}), "1 3 5").await;
    check.finds(json!({"match_phrase": {"message": "connection refused"}}), "1").await;
    check.finds(json!({"match_phrase": {"message": {"query": "gateway connection", "slop": 3}}}), "5").await;
    check.finds(json!({"match_phrase_prefix": {"message": "connection refu"}}), "1").await;
    check.finds(json!({"match_bool_prefix": {"message": "login pay"}}), "1 2 4").await;
    check.finds(json!({"multi_match": {"query": "bert", "fields": ["message", "user.*"]}}), "2").await;
    check.finds(json!({"multi_match": {"query": "404", "fields": ["message", "status^2"]}}), "3").await;
    let phrase =
        json!({"multi_match": {"query": "payment accepted", "type": "phrase", "fields": ["message"]}});
    check.finds(phrase, "2").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn combinations() {
    let check = Check(corpus().await);
    let term = |field: &str, value: Value| json!({"term": {field: value}});
    check.finds(json!({"bool": {}}), "1 2 3 4 5 6 7 8").await;
    check
        .finds(
            json!({"bool": {"must": term("country", json!("DE")), "must_not": term("status", json!(404))}}),
            "1 5",
        )
        .await;
    check
        .finds(json!({"bool": {"filter": [term("status", json!(200)), term("ok", json!(true))]}}), "2 4")
        .await;
    check
        .finds(json!({"bool": {"should": [term("status", json!(404)), term("country", json!("FR"))]}}), "2 3")
        .await;
    check.finds(json!({"bool": {"must_not": {"exists": {"field": "amount"}}}}), "3 4 7 8").await;
    check
        .finds(
            json!({"bool": {"filter": term("status", json!(200)), "should": term("country", json!("FR"))}}),
            "2 4 6",
        )
        .await;
    let two = json!({"bool": {"should": [term("country", json!("DE")), term("ok", json!(false)), term("status", json!(500))], "minimum_should_match": 2}});
    check.finds(two, "1 3").await;
    check
        .finds(json!({"bool": {"should": [term("status", json!(200))], "minimum_should_match": 2}}), "")
        .await;
    // Without clauses all match, whatever should.
    let empty = json!({"bool": {"should": [], "minimum_should_match": 1}});
    check.finds(empty.clone(), "1 2 3 4 5 6 7 8").await;
    check.finds(json!({"bool": {"filter": [term("status", json!(404))], "must_not": [empty]}}), "").await;
    check.finds(json!({"constant_score": {"filter": term("country", json!("DE"))}}), "1 3 5").await;
    check
        .finds(
            json!({"dis_max": {"queries": [term("status", json!(200)), term("status", json!(404))]}}),
            "2 3 4 6",
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn query_strings() {
    let check = Check(corpus().await);
    let lucene = |text: &str| json!({"query_string": {"query": text}});
    check.finds(lucene("*"), "1 2 3 4 5 6 7 8").await;
    check.finds(lucene("refused"), "1 3 5").await;
    check.finds(lucene("refused AND gateway"), "1 5").await;
    check.finds(lucene("refused -gateway"), "3").await;
    check.finds(lucene("status:[400 TO 499]"), "3").await;
    check.finds(lucene("status:>=500"), "1 5").await;
    check.finds(lucene("status:(200 OR 404) AND ok:true"), "2 4").await;
    check.finds(lucene("\"payment accepted\""), "2").await;
    check.finds(lucene("country:D*"), "1 3 5").await;
    check.finds(lucene("_index:*-2026.11.20"), "1 2 3").await;
    check.finds(lucene("_index:(shop\\-2026.11.20 OR \"free-2026.11.20\") AND status:200"), "2").await;
    check.finds(lucene("NOT _index:/.*20/ AND status:200"), "4 6").await;
    check.finds(lucene("NOT _exists_:country"), "6 7").await;
    check.finds(lucene("message:/refus.*/"), "1 3 5").await;
    check.finds(lucene("message:refusd~1"), "1 3 5").await;
    check.finds(lucene("404"), "3").await;
    check.finds(lucene("@timestamp:[2026-11-20 TO 2026-11-20]"), "1 2 3").await;
    check
        .finds(json!({"query_string": {"query": "gateway refused", "default_operator": "AND"}}), "1 5")
        .await;
    check.finds(json!({"query_string": {"query": "login", "default_field": "message"}}), "4").await;
    check
        .finds(
            json!({"simple_query_string": {"query": "gateway + refused | login", "fields": ["message"]}}),
            "1 4 5",
        )
        .await;
    check.refuses(lucene("status:("), "Failed to parse query [status:(]").await;
    check
        .refuses(
            json!({"query_string": {"query": "status:many", "lenient": false}}),
            "For input string: \"many\"",
        )
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_and_scaled_numbers() {
    let fixture = corpus().await;
    let check = async |query: Value, expected: &[&str]| {
        assert_eq!(fixture.ids("shop-ip", query.clone()).await, expected, "{query}");
    };
    check(json!({"term": {"ip": "10.0.0.1"}}), &["a"]).await;
    check(json!({"term": {"ip": "10.0.0.0/8"}}), &["a", "b"]).await;
    check(json!({"terms": {"ip": ["192.168.0.0/16", "2001:db8::/32"]}}), &["c", "d"]).await;
    check(json!({"range": {"ip": {"gt": "10.0.0.1", "lte": "192.168.0.1"}}}), &["b", "c"]).await;
    check(json!({"query_string": {"query": "ip:\"2001:db8::1\""}}), &["d"]).await;
    check(json!({"term": {"price": 9.99}}), &["a", "b", "c", "d"]).await;
    check(json!({"exists": {"field": "ip"}}), &["a", "b", "c", "d"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn scopes_narrow_and_mask() {
    let fixture = Fixture::new().await;
    let documents = (0..4).map(|n| {
        json!({"_id": n.to_string(), "_index": "shop-1", "n": n, "user": {"email": format!("u{n}@example.com"), "name": "x"}})
    });
    fixture.write(documents.collect()).await;
    let scope = Scope::none("u")
        .with_grant(["shop-*"], &[IndexRight::Read])
        .with_filter(json!({"term": {"user.email": "u1@example.com"}}))
        .with_masked_fields(["user.email"]);
    let found =
        fixture.search_as(&scope, "shop-*", json!({"highlight": {"fields": {"*": {}}}})).await.unwrap();
    assert_eq!(page(&found), ["1"]);
    assert_eq!(found.hits[0].source, json!({"n": 1, "user": {"name": "x"}}).as_object().cloned());
    let masked =
        Scope::none("u").with_grant(["shop-*"], &[IndexRight::Read]).with_masked_fields(["user.email"]);
    let check = async |body: Value, expected: usize| {
        let found = fixture.search_as(&masked, "shop-*", body.clone()).await.unwrap();
        assert_eq!(found.hits.len(), expected, "{body}");
        found
    };
    for query in [
        json!({"term": {"user.email": "u1@example.com"}}),
        json!({"exists": {"field": "user.email"}}),
        json!({"match": {"everything": "u1"}}),
        json!({"query_string": {"query": "u1*"}}),
        json!({"query_string": {"query": "user.e*:u1*"}}),
        json!({"multi_match": {"query": "u1@example.com", "fields": ["user.*"]}}),
    ] {
        check(json!({"query": query}), 0).await;
    }
    check(json!({"query": {"exists": {"field": "user"}}}), 4).await;
    let aggregated = json!({"size": 0, "aggs": {"who": {"terms": {"field": "user.email"}}, "all": {"missing": {"field": "user.email"}}}});
    let found = check(aggregated, 0).await.aggregations.unwrap();
    assert_eq!(found["who"]["buckets"], json!([]));
    assert_eq!(found["all"]["doc_count"], json!(4));
    let sorted = check(json!({"sort": [{"user.email": "desc"}], "fields": ["user.*"]}), 4).await;
    assert_eq!(page(&sorted), ["0", "1", "2", "3"]);
    assert!(sorted.hits.iter().all(|hit| hit.sort == [Value::Null]));
    assert_eq!(sorted.hits[0].fields, json!({"user.name": ["x"]}).as_object().cloned());
}

#[tokio::test(flavor = "multi_thread")]
async fn highlights_and_fields() {
    let fixture = corpus().await;
    let body = json!({
        "query": {"query_string": {"query": "gateway \"connection refused\" country:DE"}},
        "sort": ["@timestamp"],
        "_source": ["status"],
        "fields": [{"field": "@timestamp", "format": "yyyy-MM-dd"}, "tags"],
        "highlight": {"pre_tags": ["["], "post_tags": ["]"], "fields": {"message": {}, "country": {}}}
    });
    let found = fixture.search("shop-2026*", body).await;
    assert_eq!(page(&found), ["1", "3", "5"]);
    let first = &found.hits[0];
    assert_eq!(first.source, json!({"status": 500}).as_object().cloned());
    assert_eq!(first.fields, json!({"@timestamp": ["2026-11-20"], "tags": ["a", "b"]}).as_object().cloned());
    let expected = json!({"message": ["[Connection] [refused] by payment [gateway]"], "country": ["[DE]"]});
    assert_eq!(first.highlight, expected.as_object().cloned());
    let last = json!({"message": ["the [gateway] refused the connection"], "country": ["[DE]"]});
    assert_eq!(found.hits[2].highlight, last.as_object().cloned());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_is_found_shown_and_spans_time_as_its_field_does() {
    let fixture = Fixture::new().await;
    let template = json!({
        "index_patterns": ["kibana-*"],
        "template": {"mappings": {"properties": {
            "timestamp": {"type": "date"}, "@timestamp": {"type": "alias", "path": "timestamp"},
            "host": {"type": "text"}, "machine": {"type": "alias", "path": "host"}
        }}}
    });
    fixture.logs.put_template(&internal(), TemplateKind::Index, "kibana", template, false).await.unwrap();
    let document = |id: &str, at: &str| json!({"_id": id, "_index": "kibana-logs", "timestamp": at, "host": "www.shop.example"});
    fixture.write(vec![document("1", "2026-11-20T08:00:00Z"), document("2", "2026-11-21T08:00:00Z")]).await;
    let newer = json!({"range": {"@timestamp": {"gte": "2026-11-21"}}});
    assert_eq!(fixture.ids("*", newer.clone()).await, ["2"]);
    let asked =
        json!({"query": newer, "docvalue_fields": ["@timestamp"], "fields": ["@time*", "machine", "host"]});
    let found = fixture.search("kibana-*", asked).await;
    let shown = found.hits.first().and_then(|hit| hit.fields.clone()).map(Value::Object);
    let at = json!(["2026-11-21T08:00:00.000Z", "2026-11-21T08:00:00.000Z"]);
    let expected = json!({"@timestamp": at, "machine": ["www.shop.example"], "host": ["www.shop.example"]});
    assert_eq!(shown, Some(expected));
    // A host is one word.
    assert_eq!(fixture.ids("kibana-*", json!({"match": {"host": "shop.example"}})).await, [""; 0]);
    assert_eq!(fixture.ids("kibana-*", json!({"wildcard": {"machine": "*shop.ex*"}})).await, ["1", "2"]);
    let escaped = json!({"query_string": {"fields": ["host"], "query": "*shop\\.ex*"}});
    assert_eq!(fixture.ids("kibana-*", escaped).await, ["1", "2"]);
    let many = json!({"query_string": {"query": "host:[WWW TO www.shop.f}"}});
    assert_eq!(fixture.ids("kibana-*", many).await, ["1", "2"]);
    let none = json!({"range": {"host": {"gt": "www.shop.example"}}});
    assert_eq!(fixture.ids("kibana-*", none).await, [""; 0]);
    // What is several words is any of them, as for `match`.
    let words = json!({"query_string": {"query": "host:unknown-www.shop.example"}});
    assert_eq!(fixture.ids("kibana-*", words).await, ["1", "2"]);
}
