#[test]
fn the_openapi_document_changes_knowingly() {
    insta::assert_json_snapshot!("openapi", api::openapi_document(), {".info.version" => "[version]"});
}

#[test]
fn every_operation_is_described() {
    let document = serde_json::to_value(api::openapi_document()).unwrap();
    let mut ids = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let summary = operation["summary"].as_str().unwrap_or_default();
            assert!(!summary.is_empty(), "{method} {path} has no summary");
            assert_eq!(operation["tags"].as_array().map(Vec::len), Some(1), "{method} {path} has no tag");
            ids.push(operation["operationId"].as_str().unwrap().to_owned());
        }
    }
    ids.sort_unstable();
    let count = ids.len();
    ids.dedup();
    assert_eq!(ids.len(), count, "operation ids are unique");
}
