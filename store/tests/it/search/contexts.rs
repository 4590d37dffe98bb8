//! What holds over several requests and over groups of hits: scrolls, slices, points in time, collapsed hits, regions.

use super::{Fixture, internal, page};
use serde_json::{Value, json};
use std::time::Duration;
use store::{
    ErrorKind,
    logs::{ContextKind, IndicesOptions, LogStore, SearchRequest},
    scope::{IndexRight, Scope},
};

const MINUTE: Duration = Duration::from_secs(60);

async fn numbered(count: u32) -> Fixture {
    let fixture = Fixture::new().await;
    let documents: Vec<Value> = (0..count)
        .map(|n| {
            json!({"_id": n.to_string(), "_index": format!("shop-{}", n % 3), "n": n, "country": format!("c{}", n % 4),
                "@timestamp": format!("2026-11-17T00:{:02}:00Z", n % 60)})
        })
        .collect();
    for chunk in documents.chunks(7) {
        fixture.write(chunk.to_vec()).await;
    }
    fixture
}

fn request(body: Value) -> SearchRequest {
    SearchRequest {
        indices: vec!["shop-*".to_owned()],
        body: body.as_object().unwrap().clone(),
        scroll: Some(MINUTE),
        ..SearchRequest::default()
    }
}

/// All ids of a scroll, page after page.
async fn scrolled(fixture: &Fixture, body: Value) -> Vec<String> {
    let logs = &fixture.logs;
    let mut response = logs.search(&internal(), request(body)).await.unwrap();
    let total = response.total;
    let mut ids = Vec::new();
    loop {
        ids.extend(page(&response).into_iter().map(str::to_owned));
        let id = response.scroll_id.clone().unwrap();
        if response.hits.is_empty() {
            assert_eq!(
                logs.close_contexts(&internal(), ContextKind::Scroll, Some(std::slice::from_ref(&id)))
                    .await
                    .unwrap(),
                1
            );
            let gone = logs.scroll(&internal(), &id, None).await.unwrap_err();
            assert_eq!(gone.kind, ErrorKind::NotFound);
            return ids;
        }
        response = logs.scroll(&internal(), &id, Some(MINUTE)).await.unwrap();
        assert_eq!(response.total, total);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scroll_gives_each_document_once() {
    let fixture = numbered(50).await;
    let all: Vec<String> = (0..50).map(|n| n.to_string()).collect();
    for sort in [json!(["_doc"]), json!([{"country": "asc"}]), json!([{"@timestamp": "desc"}]), json!([])] {
        let mut found = scrolled(&fixture, json!({"size": 7, "sort": sort})).await;
        found.sort_by_key(|id| id.parse::<u32>().unwrap());
        assert_eq!(found, all, "{sort}");
    }
    let mut sliced = Vec::new();
    for id in 0..3 {
        let part =
            scrolled(&fixture, json!({"size": 5, "sort": ["_doc"], "slice": {"id": id, "max": 3}})).await;
        assert!(part.len() < 50);
        sliced.extend(part);
    }
    sliced.sort_by_key(|id| id.parse::<u32>().unwrap());
    assert_eq!(sliced, all);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scroll_belongs_to_who_opened_it_and_has_limits() {
    let fixture = numbered(5).await;
    let opened = fixture.logs.search(&internal(), request(json!({"size": 1}))).await.unwrap();
    let id = opened.scroll_id.unwrap();
    let other = Scope::none("other").with_grant(["*"], &[IndexRight::Read]);
    assert_eq!(fixture.logs.scroll(&other, &id, None).await.unwrap_err().kind, ErrorKind::NotFound);
    assert_eq!(fixture.logs.close_contexts(&other, ContextKind::Scroll, None).await.unwrap(), 0);
    for refused in [json!({"size": 0}), json!({"from": 1}), json!({"track_total_hits": false})] {
        let error = fixture.logs.search(&internal(), request(refused)).await.unwrap_err();
        assert_eq!(error.kind, ErrorKind::InvalidRequest);
    }
    let long = Some(Duration::from_secs(90_000));
    let error = fixture.logs.scroll(&internal(), &id, long).await.unwrap_err();
    assert!(error.message.contains("too large"), "{error}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_point_in_time_does_not_see_later_writes() {
    let fixture = numbered(5).await;
    let patterns = ["shop-*".to_owned()];
    let id = fixture
        .logs
        .open_point_in_time(&internal(), &patterns, IndicesOptions::default(), MINUTE)
        .await
        .unwrap();
    fixture.write(vec![json!({"_id": "x", "_index": "shop-0", "n": 9})]).await;
    let count = async |body: Value| fixture.search("shop-*", body).await.total.unwrap().value;
    assert_eq!(count(json!({"pit": {"id": id, "keep_alive": "1m"}})).await, 5);
    assert_eq!(count(json!({})).await, 6);
    assert_eq!(
        fixture.logs.close_contexts(&internal(), ContextKind::PointInTime, Some(&[id])).await.unwrap(),
        1
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn collapsed_hits_are_the_best_of_their_value() {
    let fixture = numbered(20).await;
    let body = json!({"size": 3, "sort": [{"n": "desc"}], "collapse": {"field": "country", "inner_hits": {
        "name": "more", "size": 2, "sort": [{"n": "asc"}], "_source": ["n"]}}});
    let found = fixture.search("shop-*", body).await;
    assert_eq!(page(&found), ["19", "18", "17"]);
    assert_eq!(found.total.unwrap().value, 20);
    assert_eq!(found.hits[0].fields.as_ref().unwrap()["country"], json!(["c3"]));
    let more = &found.hits[0].inner_hits.as_ref().unwrap()["more"]["hits"];
    assert_eq!(more["total"]["value"], json!(5));
    assert_eq!((&more["hits"][0]["_source"], &more["hits"][1]["_id"]), (&json!({"n": 3}), &json!("7")));
}

#[tokio::test(flavor = "multi_thread")]
async fn first_hits_are_found_from_either_end() {
    let fixture = numbered(50).await;
    for (order, expected) in [("desc", ["49", "48", "47"]), ("asc", ["0", "1", "2"])] {
        let sort = json!([{"@timestamp": order}, {"n": order}]);
        let found =
            fixture.search("shop-*", json!({"size": 3, "sort": sort, "track_total_hits": true})).await;
        assert_eq!(page(&found), expected);
        assert_eq!(found.total.unwrap().value, 50);
        let query = json!({"term": {"country": "c1"}});
        let body = json!({"size": 50, "sort": sort, "query": query, "track_total_hits": 5});
        let found = fixture.search("shop-*", body).await;
        assert_eq!((found.hits.len(), found.total.unwrap().value), (13, 5));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn points_in_regions() {
    let fixture = Fixture::new().await;
    let place = |id: &str, lat: f64, lon: f64| json!({"_id": id, "_index": "shop-1", "place": {"lat": lat, "lon": lon}});
    fixture
        .write(vec![place("berlin", 52.5, 13.4), place("munich", 48.1, 11.6), place("suva", -18.1, 178.4)])
        .await;
    let check = async |query: Value, expected: &[&str]| {
        assert_eq!(fixture.ids("shop-*", query.clone()).await, expected, "{query}");
    };
    let around = |distance: &str| json!({"geo_distance": {"distance": distance, "place": "52.5,13.4"}});
    check(around("10km"), &["berlin"]).await;
    check(around("600km"), &["berlin", "munich"]).await;
    let inside = |top: f64, left: f64, bottom: f64, right: f64| json!({"geo_bounding_box": {"place": {"top_left": [left, top], "bottom_right": [right, bottom]}}});
    check(inside(50.0, 10.0, 45.0, 12.0), &["munich"]).await;
    check(inside(0.0, 170.0, -30.0, -170.0), &["suva"]).await;
    check(json!({"bool": {"filter": [around("600km")], "must_not": [around("10km")]}}), &["munich"]).await;
    check(json!({"terms": {"_index": ["shop-1", "x"]}}), &["berlin", "munich", "suva"]).await;
    check(json!({"prefix": {"_index": "shop"}}), &["berlin", "munich", "suva"]).await;
}
