use super::super::super::{mapping::Family, schema::ResolvedField};
use crate::StoreError;

pub(super) fn not_sortable(field: &ResolvedField) -> StoreError {
    let hint = match field.mapping.multi_fields.first() {
        Some(multi) => format!("; use \"{multi}\""),
        None => String::new(),
    };
    StoreError::invalid(format!(
        "cannot sort or aggregate by \"{}\" of type [{}]: it has no doc values{hint}",
        field.path,
        field.field_type.name()
    ))
}

/// The field, with the error of a sort if it has no column.
pub(in super::super) fn with_column(field: ResolvedField) -> Result<ResolvedField, StoreError> {
    if field.column.is_none() { Err(not_sortable(&field)) } else { Ok(field) }
}

/// The field, with an error if its values have no order: its column alone would give half of a point.
pub(in super::super) fn sortable(field: ResolvedField) -> Result<ResolvedField, StoreError> {
    let halves = match field.family() {
        Family::Geo => "points",
        Family::Range => "ranges",
        _ => return with_column(field),
    };
    Err(StoreError::invalid(format!("cannot sort or aggregate by \"{}\": it holds {halves}", field.path)))
}
