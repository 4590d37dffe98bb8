use super::super::keys::cell_name;
use super::super::{Bucket, Key};
use super::{Finish, listed};
use crate::{
    StoreError,
    logs::dsl::aggregations::{Aggregation, GeoGrid},
};
use event::Object;
use serde_json::json;
use std::collections::HashMap;

impl Finish<'_, '_> {
    pub(super) fn grid(
        &mut self,
        request: &GeoGrid,
        inner: &[Aggregation],
        buckets: HashMap<Key, Bucket>,
    ) -> Result<Object, StoreError> {
        let mut list: Vec<(u64, Bucket)> = buckets
            .into_iter()
            .filter_map(|(key, bucket)| if let Key::Cell(cell) = key { Some((cell, bucket)) } else { None })
            .collect();
        list.sort_unstable_by(|(a, a_bucket), (b, b_bucket)| {
            b_bucket.count.cmp(&a_bucket.count).then(b.cmp(a))
        });
        list.truncate(request.size);
        let mut answer = Vec::with_capacity(list.len());
        for (cell, bucket) in list {
            let name = cell_name(request, cell);
            let mut head = Object::new();
            head.insert("key".to_owned(), json!(name));
            answer.push(self.bucket(name, head, inner, Some(bucket))?);
        }
        listed(inner, answer, false)
    }
}
