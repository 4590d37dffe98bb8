//! Tables of aliases and templates.

use super::{
    super::{
        error::ElasticError,
        request::Asked,
        table::{Column, Table},
    },
    shown,
};
use axum::response::Response;
use serde_json::Value;
use store::{
    logs::{Detail, IndicesOptions, TemplateKind},
    scope::wildcard_match,
};

const ALIASES: &[Column] = &[
    shown("alias", "a", "alias name"),
    shown("index", "i,idx", "index alias points to"),
    shown("filter", "f,fi", "filter"),
    shown("routing.index", "ri,routingIndex", "index routing"),
    shown("routing.search", "rs,routingSearch", "search routing"),
    shown("is_write_index", "w,isWriteIndex", "write index"),
];

pub(super) async fn aliases(mut asked: Asked) -> Result<Response, ElasticError> {
    let base = IndicesOptions { expand_hidden: true, ..IndicesOptions::ADMIN };
    let options = asked.options(base)?;
    let mut table = Table::new(&mut asked, ALIASES)?;
    asked.done()?;
    let name = Some(asked.part("name")).filter(|name| !name.is_empty()).unwrap_or("*").to_owned();
    let patterns: Vec<&str> = name.split(',').collect();
    let all = super::super::names::everything();
    let everything =
        IndicesOptions { expand_open: true, expand_closed: true, expand_hidden: true, ..options };
    let found = asked.app.parts().admin.describe(&asked.scope, &all, everything, Detail::default()).await?;
    for index in &found {
        for (alias, body) in &index.aliases {
            let hidden = body["is_hidden"] == true;
            let explicit = patterns.iter().any(|pattern| {
                pattern == alias || (pattern.starts_with('.') && wildcard_match(pattern, alias))
            });
            if patterns.iter().any(|pattern| wildcard_match(pattern, alias))
                && (!hidden || explicit || options.expand_hidden)
            {
                let text = |name: &str| body[name].as_str().unwrap_or("-").into();
                let filter: Value = if body["filter"].is_null() { "-".into() } else { "*".into() };
                let is_write =
                    body["is_write_index"].as_bool().map_or("-".to_owned(), |truth| truth.to_string());
                table.row(vec![
                    alias.as_str().into(),
                    index.name.as_str().into(),
                    filter,
                    text("index_routing"),
                    text("search_routing"),
                    is_write.into(),
                ]);
            }
        }
    }
    table.answer()
}

const TEMPLATES: &[Column] = &[
    shown("name", "n", "template name"),
    shown("index_patterns", "t", "template index patterns"),
    shown("order", "o,p", "template application order/priority number"),
    shown("version", "v", "version"),
    shown("composed_of", "c", "component templates comprising index template"),
];

pub(super) async fn templates(mut asked: Asked) -> Result<Response, ElasticError> {
    let mut table = Table::new(&mut asked, TEMPLATES)?;
    asked.done()?;
    let name = Some(asked.part("name")).filter(|name| !name.is_empty()).unwrap_or("*").to_owned();
    for kind in [TemplateKind::Legacy, TemplateKind::Index] {
        for (name, body) in asked.app.parts().admin.templates(&asked.scope, kind, &name).await? {
            let list = |member: &str| -> String {
                let items = body[member].as_array().map(Vec::as_slice).unwrap_or_default();
                let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
                format!("[{}]", items.join(", "))
            };
            let order = match kind {
                TemplateKind::Legacy => body["order"].clone(),
                _ => {
                    if body["priority"].is_null() {
                        0.into()
                    } else {
                        body["priority"].clone()
                    }
                }
            };
            let composed: Value =
                if kind == TemplateKind::Legacy { "".into() } else { list("composed_of").into() };
            table.row(vec![
                name.into(),
                list("index_patterns").into(),
                order,
                body["version"].clone(),
                composed,
            ]);
        }
    }
    table.answer()
}
