use super::{Named, geo, histograms, values};
use crate::{
    StoreError,
    logs::dsl::{
        BUCKETS_MAX, SortOrder,
        aggregations::ast::{CompositeKind, CompositeSource, Kind},
        read::{number, object, one_or_many, parameters, single},
    },
};
use event::Object;
use serde::Deserialize;
use serde_json::Value;

pub(super) fn composite(at: &Named<'_>, value: &Value) -> Result<Kind, StoreError> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Parameters {
        sources: Value,
        #[serde(default, deserialize_with = "number")]
        size: Option<i64>,
        after: Option<Object>,
    }
    let read: Parameters = parameters(&at.what(), value, at.place)?;
    let mut sources: Vec<CompositeSource> = Vec::new();
    for item in one_or_many(&read.sources) {
        // Some clients put several sources into one object.
        for (name, body) in object("a composite source", item, at.place)? {
            if sources.iter().any(|source| source.name == *name) {
                let message = format!("Composite source names must be unique, found duplicates: [{name}]");
                return Err(at.illegal(message));
            }
            sources.push(source(at, name, body)?);
        }
    }
    if sources.is_empty() {
        return Err(at.illegal("Composite [sources] cannot be null or empty"));
    }
    let size = match read.size {
        None => 10,
        Some(size) if size > BUCKETS_MAX as i64 => {
            let message = format!(
                "Trying to create too many buckets. Must be less than or equal to: [{BUCKETS_MAX}] but was [{size}]. \
                 This limit can be set by changing the [search.max_buckets] cluster level setting."
            );
            return Err(at.invalid(message).with_code("too_many_buckets_exception"));
        }
        Some(size) => usize::try_from(size).ok().filter(|size| *size > 0).ok_or_else(|| {
            at.illegal(format!("[size] must be greater than 0. Found [{size}] in [{}]", at.name))
        })?,
    };
    let after = match &read.after {
        None => None,
        Some(after) => Some(
            sources
                .iter()
                .map(|source| {
                    after
                        .get(&source.name)
                        .cloned()
                        .ok_or_else(|| at.illegal(format!("Missing value for [after.{}]", source.name)))
                })
                .collect::<Result<Vec<_>, _>>()?,
        ),
    };
    Ok(Kind::Composite { sources, size, after })
}

fn source(at: &Named<'_>, name: &str, body: &Value) -> Result<CompositeSource, StoreError> {
    let place = at.place.key(name);
    let (kind, options) = single("a composite source", body, &place)?;
    let at = Named { name, kind, place: &place };
    let mut options = object("a composite source", options, &place)?.clone();
    let order = match options.remove("order").as_ref().and_then(Value::as_str) {
        None | Some("asc") => SortOrder::Asc,
        Some("desc") => SortOrder::Desc,
        Some(other) => return Err(at.illegal(format!("order \"{other}\" must be asc or desc"))),
    };
    let missing_bucket = options.remove("missing_bucket").is_some_and(|wanted| wanted == Value::Bool(true));
    let options = Value::Object(options);
    let kind = match kind {
        "terms" => CompositeKind::Terms(values::only(&at, &options)?),
        "histogram" => CompositeKind::Histogram(histograms::histogram(&at, &options)?),
        "date_histogram" => {
            CompositeKind::DateHistogram(Box::new(histograms::date_histogram(&at, &options)?))
        }
        "geotile_grid" => CompositeKind::GeoTile(geo::geotile_grid(&at, &options)?),
        other => return Err(at.invalid(format!("invalid source type: {other}"))),
    };
    Ok(CompositeSource { name: name.to_owned(), kind, order, missing_bucket })
}
