//! How much a search may ask of the indices that it is over.

use super::super::snapshot::{IndexSnapshot, SearchLimits};
use crate::{
    StoreError,
    logs::dsl::{
        SearchBody,
        aggregations::{Aggregation, Kind},
    },
};

/// Refuses a search that asks more of an index than its settings let it.
pub(super) fn check(
    snapshots: &[IndexSnapshot],
    body: &SearchBody,
    is_scroll: bool,
) -> Result<(), StoreError> {
    let own = [SearchLimits::default()];
    let all = snapshots.iter().map(|index| &index.limits);
    // Without an index, the usual limits hold.
    let all = all.chain(own.iter().filter(|_| snapshots.is_empty()));
    for limits in all {
        window(body, limits, is_scroll)?;
        counts(body, limits)?;
        aggregations(&body.aggregations, limits)?;
        inner_hits(body, limits)?;
    }
    Ok(())
}

/// What is shown within hits is held to the limits, too: there is one such search for each hit.
fn inner_hits(body: &SearchBody, limits: &SearchLimits) -> Result<(), StoreError> {
    let nested = body.query.with_inner_hits().into_iter().filter_map(|nested| nested.inner_hits.as_ref());
    let nested = nested.map(|(name, inner)| (name, inner.as_ref()));
    let collapsed = body.collapse.iter().flat_map(|collapse| &collapse.inner_hits);
    for (name, inner) in nested.chain(collapsed.map(|(name, inner)| (name, inner))) {
        let (wanted, most) = (inner.from.saturating_add(inner.size), limits.inner_result_window);
        if wanted > most {
            return Err(StoreError::invalid(format!(
                "Inner result window is too large, the inner hit definition's [{name}]'s from + size must be less than or \
                 equal to: [{most}] but was [{wanted}]. This limit can be set by changing the \
                 [index.max_inner_result_window] index level setting."
            )));
        }
        counts(inner, limits)?;
    }
    Ok(())
}

fn window(body: &SearchBody, limits: &SearchLimits, is_scroll: bool) -> Result<(), StoreError> {
    let (wanted, most) = (body.from.saturating_add(body.size), limits.result_window);
    if is_scroll && wanted > most {
        return Err(StoreError::invalid(format!(
            "Batch size is too large, size must be less than or equal to: [{most}] but was [{wanted}]. Scroll batch sizes cost \
             as much memory as result windows so they are controlled by the [index.max_result_window] index level setting."
        )));
    }
    if wanted > most {
        return Err(StoreError::invalid(format!(
            "Result window is too large, from + size must be less than or equal to: [{most}] but was [{wanted}]. See the \
             scroll api for a more efficient way to request large data sets. This limit can be set by changing the \
             [index.max_result_window] index level setting."
        )));
    }
    let most = limits.rescore_window;
    match body.rescore.iter().map(|rescore| rescore.window_size).max() {
        Some(wanted) if wanted > most => Err(StoreError::invalid(format!(
            "Rescore window [{wanted}] is too large. It must be less than [{most}]. This prevents allocating massive heaps for \
             storing the results to be rescored. This limit can be set by changing the [index.max_rescore_window] index \
             level setting."
        ))),
        _ => Ok(()),
    }
}

fn counts(body: &SearchBody, limits: &SearchLimits) -> Result<(), StoreError> {
    let (wanted, most) = (body.docvalue_fields.len(), limits.docvalue_fields);
    if wanted > most {
        return Err(StoreError::invalid(format!(
            "Trying to retrieve too many docvalue_fields. Must be less than or equal to: [{most}] but was [{wanted}]. This \
             limit can be set by changing the [index.max_docvalue_fields_search] index level setting."
        )));
    }
    let (wanted, most) = (body.script_fields.len(), limits.script_fields);
    if wanted > most {
        return Err(StoreError::invalid(format!(
            "Trying to retrieve too many script_fields. Must be less than or equal to: [{most}] but was [{wanted}]. This \
             limit can be set by changing the [index.max_script_fields] index level setting."
        )));
    }
    match body.slice {
        Some(slice) if slice.max > limits.slices => Err(StoreError::invalid(format!(
            "The number of slices [{}] is too large. It must be less than [{}]. This limit can be set by changing the \
             [index.max_slices_per_scroll] index level setting.",
            slice.max, limits.slices
        ))),
        _ => Ok(()),
    }
}

fn aggregations(list: &[Aggregation], limits: &SearchLimits) -> Result<(), StoreError> {
    for aggregation in list {
        if let Kind::TopHits(request) = &aggregation.kind {
            let (wanted, most) = (request.from.saturating_add(request.size), limits.inner_result_window);
            if wanted > most {
                return Err(StoreError::invalid(format!(
                    "Top hits result window is too large, the top hits aggregator [{}]'s from + size must be less than or \
                     equal to: [{most}] but was [{wanted}]. This limit can be set by changing the \
                     [index.max_inner_result_window] index level setting.",
                    aggregation.name
                )));
            }
            counts(request, limits)?;
        }
        if let Kind::AdjacencyMatrix(request) = &aggregation.kind {
            let (wanted, most) = (request.filters.len(), limits.matrix_filters);
            if wanted > most {
                return Err(StoreError::invalid(format!(
                    "Number of filters is too large, must be less than or equal to: [{most}] but was [{wanted}]. This limit \
                     can be set by changing the [index.max_adjacency_matrix_filters] index level setting."
                )));
            }
        }
        aggregations(&aggregation.inner, limits)?;
    }
    Ok(())
}
