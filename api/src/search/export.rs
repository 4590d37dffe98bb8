//! Exports: all events that match, page after page, as a stream.

use super::{body, csv, indices, request::SearchRequest, time::Range};
use crate::{
    ApiError,
    auth::{User, scope::scope_of},
    state::App,
};
use bytes::Bytes;
use event::Object;
use futures::{Stream, stream};
use serde::Deserialize;
use serde_json::json;
use std::time::Duration;
use store::{logs, scope::Scope};
use utoipa::ToSchema;

const PAGE: usize = 1_000;
/// Columns of a CSV without `fields`; further ones are left out.
const COLUMNS_MAX: usize = 500;

/// The form of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Format {
    /// Comma-separated values, with a first row of names.
    Csv,
    /// One JSON object a line.
    Ndjson,
}

/// An export under way.
struct Export {
    app: App,
    scope: Scope,
    indices: Vec<String>,
    body: Object,
    format: Format,
    columns: Option<Vec<String>>,
    started: bool,
    left: u64,
}

/// Checks the search and gives the stream of its events. The first page is read before this returns, so that what is
/// wrong with the question becomes a proper answer; a later error cuts the stream off.
pub(crate) async fn export(
    app: &App,
    user: &User,
    request: SearchRequest,
    format: Format,
) -> Result<impl Stream<Item = Result<Bytes, ApiError>> + use<>, ApiError> {
    request.check()?;
    let now = app.accounts().now();
    let range = Range::resolve(request.from.as_ref(), request.to.as_ref(), now)?;
    let mut export = Export {
        app: app.clone(),
        scope: scope_of(user),
        indices: indices::patterns(request.index.as_deref())?,
        body: body::base(&request, range, PAGE)?,
        format,
        columns: request.fields,
        started: false,
        left: app.config().limits.export_rows_max,
    };
    export.body.insert("track_total_hits".into(), json!(false));
    let first = export.next_page().await?;
    let rest = stream::try_unfold(export, |mut export| async move {
        Ok(export.next_page().await?.map(|page| (page, export)))
    });
    let first = stream::iter(first.map(Ok));
    Ok(futures::StreamExt::chain(first, rest))
}

impl Export {
    /// The next page as text; `None` after the last.
    async fn next_page(&mut self) -> Result<Option<Bytes>, ApiError> {
        if self.left == 0 {
            return Ok(None);
        }
        let request = logs::SearchRequest {
            indices: self.indices.clone(),
            body: self.body.clone(),
            timeout: Some(Duration::from_secs(body::TIMEOUT_SECS)),
            options: logs::IndicesOptions::LENIENT,
            ..logs::SearchRequest::default()
        };
        let mut hits = self.app.parts().logs.search(&self.scope, request).await?.hits;
        let complete = hits.len() < PAGE;
        hits.truncate(usize::try_from(self.left).unwrap_or(usize::MAX));
        self.left = if complete { 0 } else { self.left - hits.len() as u64 };
        if let Some(last) = hits.last() {
            self.body.insert("search_after".into(), json!(last.sort));
        }
        let sources: Vec<Object> = hits.into_iter().filter_map(|hit| hit.source).collect();
        let text = match self.format {
            Format::Ndjson => ndjson(&sources)?,
            Format::Csv => self.csv(&sources),
        };
        // An export without events still has its first row.
        let nothing = text.is_empty() && self.started;
        self.started = true;
        Ok((!nothing).then(|| text.into()))
    }

    fn csv(&mut self, sources: &[Object]) -> Vec<u8> {
        let mut out = Vec::new();
        let columns = self.columns.get_or_insert_with(|| columns_of(sources));
        if !self.started {
            csv::write_row(&mut out, columns.iter().map(|column| csv::header(column)));
        }
        for source in sources {
            csv::write_row(&mut out, columns.iter().map(|column| csv::cell(csv::lookup(source, column))));
        }
        out
    }
}

fn ndjson(sources: &[Object]) -> Result<Vec<u8>, ApiError> {
    let mut out = Vec::new();
    for source in sources {
        serde_json::to_writer(&mut out, source).map_err(ApiError::internal)?;
        out.push(b'\n');
    }
    Ok(out)
}

/// Columns for who names none: the fields of the first page, `@timestamp` first, the others by name.
fn columns_of(sources: &[Object]) -> Vec<String> {
    let mut columns = Vec::new();
    for source in sources {
        csv::paths(source, "", &mut columns);
        columns.sort_unstable();
        columns.dedup();
    }
    columns.retain(|column| column != "@timestamp");
    columns.insert(0, "@timestamp".to_owned());
    columns.truncate(COLUMNS_MAX);
    columns
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    #[test]
    fn columns_begin_with_the_time() {
        let source = |value: Value| value.as_object().cloned().unwrap();
        let sources =
            [source(json!({"b": {"c": 1}, "@timestamp": "t"})), source(json!({"a": 1, "b": {"d": 2}}))];
        assert_eq!(columns_of(&sources), ["@timestamp", "a", "b.c", "b.d"]);
        assert_eq!(columns_of(&[]), ["@timestamp"]);
    }
}
