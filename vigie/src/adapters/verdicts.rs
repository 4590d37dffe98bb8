use super::{body, read};
use async_trait::async_trait;
use detect::fraud::{
    PortError, PortErrorKind, VerdictCursor, VerdictFilter, VerdictHistory, VerdictPage, VerdictRecord,
};
use jiff::Timestamp;
use serde_json::Value;
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use store::{
    ErrorKind, StoreError,
    documents::{
        Collection, Condition, DocumentIndex, DocumentStore, Find, FindCursor, NewDocument, Operator,
        StoredDocument,
    },
};

/// The history of verdicts, one document per transaction.
pub(crate) const VERDICTS: Collection = Collection {
    name: "verdicts",
    indices: &[
        DocumentIndex { fields: &[TIME], unique: false },
        DocumentIndex { fields: &["verdict", TIME], unique: false },
        DocumentIndex { fields: &[USER, TIME], unique: false },
        DocumentIndex { fields: &[POSITION], unique: true },
    ],
};

/// When the payment was made, in milliseconds: texts of times do not sort by time.
const TIME: &str = "payment_time_ms";
const USER: &str = "payment.user_id";
/// Counts the writes to the history.
const POSITION: &str = "position";

/// The history of verdicts, in the document store.
pub(crate) struct VerdictAdapter {
    documents: Arc<dyn DocumentStore>,
    /// The last position given; only one call of `put` is under way at a time.
    position: AtomicU64,
}

impl VerdictAdapter {
    /// Opens the history and finds its last position.
    pub(crate) async fn open(documents: Arc<dyn DocumentStore>) -> Result<Self, StoreError> {
        let last = last(&*documents).await?;
        let position = last.and_then(|document| document.body.get(POSITION)?.as_u64()).unwrap_or(0);
        Ok(Self { documents, position: AtomicU64::new(position) })
    }

    /// When the service heard what is at the last position; `None` while the history is empty.
    pub(crate) async fn newest_change(&self) -> Result<Option<Timestamp>, StoreError> {
        last(&*self.documents)
            .await?
            .map(|document| read::<VerdictRecord>(document).map(|record| record.changed_at))
            .transpose()
    }
}

/// The document at the last position; `None` while the history is empty.
async fn last(documents: &dyn DocumentStore) -> Result<Option<StoredDocument>, StoreError> {
    let find = Find { sort: Some(POSITION.to_owned()), descending: true, limit: 1, ..Find::default() };
    Ok(documents.find(&VERDICTS, find).await?.into_iter().next())
}

#[async_trait]
impl VerdictHistory for VerdictAdapter {
    async fn put(&self, records: &[Arc<VerdictRecord>]) -> Result<u64, PortError> {
        let mut position = self.position.load(Ordering::SeqCst);
        let mut documents = Vec::with_capacity(records.len());
        for record in records {
            position += 1;
            let mut body = body(record.as_ref()).map_err(port_error)?;
            body.insert(POSITION.to_owned(), position.into());
            body.insert(TIME.to_owned(), record.payment.time.as_millisecond().into());
            documents.push(NewDocument { id: record.transaction_id.clone(), body, expires_at: None });
        }
        // Positions of a write that fails are not given again: a part of it may be there.
        self.position.store(position, Ordering::SeqCst);
        self.documents.put_many(&VERDICTS, documents).await.map_err(port_error)?;
        Ok(position)
    }

    async fn get_many(&self, transaction_ids: &[String]) -> Result<Vec<Option<VerdictRecord>>, PortError> {
        let mut records = Vec::with_capacity(transaction_ids.len());
        for id in transaction_ids {
            let found = self.documents.get(&VERDICTS, id).await.map_err(port_error)?;
            records.push(found.map(read).transpose().map_err(port_error)?);
        }
        Ok(records)
    }

    async fn list(&self, filter: &VerdictFilter) -> Result<VerdictPage, PortError> {
        let find = Find {
            conditions: conditions(filter),
            sort: Some(TIME.to_owned()),
            descending: true,
            limit: filter.limit,
            after: filter.after.as_ref().map(|VerdictCursor { time, transaction_id }| FindCursor {
                value: time.as_millisecond().into(),
                id: transaction_id.clone(),
            }),
        };
        let found = self.documents.find(&VERDICTS, find).await.map_err(port_error)?;
        let records: Vec<VerdictRecord> =
            found.into_iter().map(read).collect::<Result<_, _>>().map_err(port_error)?;
        let next = records.last().filter(|_| records.len() == filter.limit).map(|last| VerdictCursor {
            time: last.payment.time,
            transaction_id: last.transaction_id.clone(),
        });
        Ok(VerdictPage { records, next })
    }

    async fn since(&self, position: u64, limit: usize) -> Result<Vec<(u64, VerdictRecord)>, PortError> {
        let find = Find {
            conditions: vec![condition(POSITION, Operator::Greater, position.into())],
            sort: Some(POSITION.to_owned()),
            limit,
            ..Find::default()
        };
        let found = self.documents.find(&VERDICTS, find).await.map_err(port_error)?;
        found
            .into_iter()
            .map(|document| {
                let position = document.body.get(POSITION).and_then(Value::as_u64).unwrap_or(0);
                Ok((position, read(document).map_err(port_error)?))
            })
            .collect()
    }
}

fn conditions(filter: &VerdictFilter) -> Vec<Condition> {
    let VerdictFilter { from, to, verdict, user_id, min_score, limit: _, after: _ } = filter;
    let mut conditions = Vec::new();
    let mut add = |field, operator, value: Option<Value>| {
        conditions.extend(value.map(|value| condition(field, operator, value)));
    };
    add(TIME, Operator::GreaterOrEqual, from.map(|from| from.as_millisecond().into()));
    add(TIME, Operator::Less, to.map(|to| to.as_millisecond().into()));
    add("verdict", Operator::Equal, verdict.map(|verdict| verdict.as_str().into()));
    add(USER, Operator::Equal, user_id.clone().map(Value::from));
    add("score", Operator::GreaterOrEqual, min_score.map(Value::from));
    conditions
}

fn condition(field: &str, operator: Operator, value: Value) -> Condition {
    Condition { field: field.to_owned(), operator, value }
}

/// Says a store's error in the terms of `detect`.
pub(super) fn port_error(error: StoreError) -> PortError {
    let kind = match error.kind {
        ErrorKind::Unavailable | ErrorKind::Overloaded | ErrorKind::Full | ErrorKind::TimedOut => {
            PortErrorKind::Unavailable
        }
        ErrorKind::InvalidRequest => PortErrorKind::Invalid,
        ErrorKind::Forbidden
        | ErrorKind::NotFound
        | ErrorKind::Conflict
        | ErrorKind::Corrupt
        | ErrorKind::Internal => PortErrorKind::Internal,
    };
    PortError { kind, message: error.message.clone(), source: Some(Box::new(error)) }
}
