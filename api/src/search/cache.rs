//! Answers that were given before. The key holds everything that an answer depends on (the question, the reach of who
//! asks, the state of the indices), so an answer is never stale: when data changes, the key does.

use super::flight::Flights;
use crate::ApiError;
use bytes::Bytes;
use event::Object;
use futures::{FutureExt, future::BoxFuture};
use std::{sync::Arc, time::Duration};
use store::{cache::Cache, scope::Scope};

const LIFE: Duration = Duration::from_secs(600);
/// A larger answer is not worth its room.
const ANSWER_MAX_BYTES: usize = 2 << 20;

/// A computed answer and whether it may be kept.
#[derive(Clone)]
pub(super) struct Computed {
    pub(super) bytes: Bytes,
    pub(super) keep: bool,
}

/// The cache of answers, and the searches under way.
pub(crate) struct Answers {
    cache: Arc<dyn Cache>,
    flights: Flights<(Bytes, bool)>,
}

impl Answers {
    pub(crate) fn new(cache: Arc<dyn Cache>) -> Self {
        Self { cache, flights: Flights::new() }
    }

    /// The answer for this key, computed if nobody has; and whether it was there already.
    pub(super) async fn get(
        &self,
        key: String,
        compute: impl FnOnce() -> BoxFuture<'static, Result<Computed, ApiError>>,
    ) -> Result<(Bytes, bool), ApiError> {
        let cache = Arc::clone(&self.cache);
        let (result, joined) = self
            .flights
            .join(&key.clone(), || {
                let compute = compute();
                async move { get_or_compute(&*cache, &key, compute).await }.boxed()
            })
            .await;
        result.map(|(bytes, cached)| (bytes, cached || joined))
    }
}

async fn get_or_compute(
    cache: &dyn Cache,
    key: &str,
    compute: BoxFuture<'static, Result<Computed, ApiError>>,
) -> Result<(Bytes, bool), ApiError> {
    match cache.get(key).await {
        Ok(Some(bytes)) => return Ok((bytes, true)),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "cannot read the cache of answers"),
    }
    let Computed { bytes, keep } = compute.await?;
    if keep
        && bytes.len() <= ANSWER_MAX_BYTES
        && let Err(error) = cache.set(key, bytes.clone(), LIFE).await
    {
        tracing::warn!(%error, "cannot write the cache of answers");
    }
    Ok((bytes, false))
}

/// The key of an answer.
pub(super) fn key(scope: &Scope, indices: &[String], body: &Object, cursor_key: &str, state: &str) -> String {
    let mut hasher = blake3::Hasher::new();
    let body = serde_json::to_string(body).unwrap_or_default();
    for part in [scope.cache_key().as_str(), &indices.join(","), &body, cursor_key, state] {
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    format!("search:{}", hasher.finalize().to_hex())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn everything_that_an_answer_depends_on_is_in_the_key() {
        let scope = Scope::none("a").with_grant(["x-*"], &[store::scope::IndexRight::Read]);
        let body = Object::from_iter([("size".to_owned(), json!(1))]);
        let indices = ["x-1".to_owned()];
        let base = key(&scope, &indices, &body, "c", "1");
        assert_eq!(
            base,
            key(
                &Scope::none("b").with_grant(["x-*"], &[store::scope::IndexRight::Read]),
                &indices,
                &body,
                "c",
                "1"
            )
        );
        let narrowed = scope.clone().with_filter(json!({"term": {"a": 1}}));
        assert_ne!(base, key(&narrowed, &indices, &body, "c", "1"));
        assert_ne!(base, key(&scope, &["x-2".to_owned()], &body, "c", "1"));
        assert_ne!(base, key(&scope, &indices, &Object::new(), "c", "1"));
        assert_ne!(base, key(&scope, &indices, &body, "d", "1"));
        assert_ne!(base, key(&scope, &indices, &body, "c", "2"));
    }
}
