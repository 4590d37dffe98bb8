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

struct Alias {
    name: String,
    index: String,
    /// As Elasticsearch shows it.
    body: Value,
}

impl Alias {
    fn text(&self, member: &str) -> Value {
        self.body[member].as_str().unwrap_or("-").into()
    }
}

const ALIASES: &[Column<Alias>] =
    &[
        shown("alias", "a", "alias name", |alias| alias.name.as_str().into()),
        shown("index", "i,idx", "index alias points to", |alias| alias.index.as_str().into()),
        shown("filter", "f,fi", "filter", |alias| {
            if alias.body["filter"].is_null() { "-".into() } else { "*".into() }
        }),
        shown("routing.index", "ri,routingIndex", "index routing", |alias| alias.text("index_routing")),
        shown("routing.search", "rs,routingSearch", "search routing", |alias| alias.text("search_routing")),
        shown("is_write_index", "w,isWriteIndex", "write index", |alias| {
            alias.body["is_write_index"].as_bool().map_or("-".into(), |truth| truth.to_string().into())
        }),
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
                table.row(&Alias { name: alias.clone(), index: index.name.clone(), body: body.clone() });
            }
        }
    }
    table.answer()
}

struct Template {
    kind: TemplateKind,
    name: String,
    body: Value,
}

impl Template {
    fn list(&self, member: &str) -> Value {
        let items = self.body[member].as_array().map(Vec::as_slice).unwrap_or_default();
        let items: Vec<&str> = items.iter().filter_map(Value::as_str).collect();
        format!("[{}]", items.join(", ")).into()
    }

    fn order(&self) -> Value {
        match (self.kind, &self.body["priority"]) {
            (TemplateKind::Legacy, _) => self.body["order"].clone(),
            (_, Value::Null) => 0.into(),
            (_, priority) => priority.clone(),
        }
    }
}

const TEMPLATES: &[Column<Template>] = &[
    shown("name", "n", "template name", |template| template.name.as_str().into()),
    shown("index_patterns", "t", "template index patterns", |template| template.list("index_patterns")),
    shown("order", "o,p", "template application order/priority number", |template| template.order()),
    shown("version", "v", "version", |template| template.body["version"].clone()),
    shown("composed_of", "c", "component templates comprising index template", |template| {
        if template.kind == TemplateKind::Legacy { "".into() } else { template.list("composed_of") }
    }),
];

pub(super) async fn templates(mut asked: Asked) -> Result<Response, ElasticError> {
    let mut table = Table::new(&mut asked, TEMPLATES)?;
    asked.done()?;
    let name = Some(asked.part("name")).filter(|name| !name.is_empty()).unwrap_or("*").to_owned();
    for kind in [TemplateKind::Legacy, TemplateKind::Index] {
        for (name, body) in asked.app.parts().admin.templates(&asked.scope, kind, &name).await? {
            table.row(&Template { kind, name, body });
        }
    }
    table.answer()
}
