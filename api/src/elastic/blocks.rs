//! Blocks of indices: putting one, and which there are.
//!
//! Source: Elasticsearch reference, "Index blocks", "Add index block API".

use super::{
    error::ElasticError,
    request::Asked,
    routes::{ElasticRight, Route},
};
use axum::{Json, routing::put};
use event::Object;
use serde_json::{Value, json};
use store::logs::{Detail, IndexDescription, IndicesOptions};

/// A block: its number, its setting behind `index.blocks.`, its description, and what it forbids.
type Block = (u8, &'static str, &'static str, &'static [&'static str]);

const BLOCKS: [Block; 5] = [
    (5, "read_only", "index read-only (api)", &["write", "metadata_write"]),
    (7, "read", "index read (api)", &["read"]),
    (8, "write", "index write (api)", &["write"]),
    (9, "metadata", "index metadata (api)", &["metadata_read", "metadata_write"]),
    (12, "read_only_allow_delete", "index read-only / allow delete (api)", &["metadata_write", "write"]),
];

pub(super) fn routes() -> Vec<Route> {
    vec![Route::new(ElasticRight::Manage, "/{index}/_block/{block}", put(add))]
}

async fn add(mut asked: Asked) -> Result<Json<Value>, ElasticError> {
    let options = asked.options(IndicesOptions { expand_closed: false, ..IndicesOptions::ADMIN })?;
    asked.done()?;
    let block = asked.part("block");
    if !matches!(block, "read_only" | "read" | "write" | "metadata") {
        return Err(ElasticError::illegal(format!("No block found with name {block}")));
    }
    let (admin, indices) = (&asked.app.parts().admin, asked.indices()?);
    let found = admin.describe(&asked.scope, &indices, options, Detail::default()).await?;
    let settings = json!({format!("index.blocks.{block}"): true});
    admin.put_settings(&asked.scope, &indices, options, settings, false).await?;
    let blocked: Vec<Value> =
        found.into_iter().map(|index| json!({"name": index.name, "blocked": true})).collect();
    Ok(Json(json!({"acknowledged": true, "shards_acknowledged": true, "indices": blocked})))
}

/// The blocks of an index by number, as the state of the cluster shows them; `None`: there is none.
pub(super) fn of(index: &IndexDescription) -> Option<Value> {
    let set = index.settings.get("index").and_then(|settings| settings.get("blocks"));
    let is_on =
        |setting: &str| set.and_then(|set| set.get(setting)).is_some_and(|on| on == "true" || on == true);
    let shown = |description: &str, levels: &[&str]| json!({"description": description, "retryable": false, "levels": levels});
    let closed = (!index.open).then(|| ("4".to_owned(), shown("index closed", &["read", "write"])));
    let put = BLOCKS
        .iter()
        .filter(|(_, setting, ..)| is_on(setting))
        .map(|(number, _, description, levels)| (number.to_string(), shown(description, levels)));
    let blocks: Object = closed.into_iter().chain(put).collect();
    (!blocks.is_empty()).then_some(Value::Object(blocks))
}
