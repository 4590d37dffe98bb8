use super::{body, equals, port_error, read};
use async_trait::async_trait;
use ingest::{
    dead_letters::{DeadLetter, DeadLetterFilter},
    ports::{DeadLetters, PortError, Position},
};
use std::sync::Arc;
use store::documents::{Collection, Condition, DocumentIndex, DocumentStore, Find, FindCursor, NewDocument};

/// Records that could not be indexed.
pub(crate) const DEAD_LETTERS: Collection = Collection {
    name: "dead_letters",
    indices: &[
        DocumentIndex { fields: &["at_ms"], unique: false },
        DocumentIndex { fields: &["upload", "at_ms"], unique: false },
        DocumentIndex { fields: &["pipeline", "at_ms"], unique: false },
    ],
};

/// Dead letters, in the document store.
pub(crate) struct DeadLetterAdapter(pub(crate) Arc<dyn DocumentStore>);

#[async_trait]
impl DeadLetters for DeadLetterAdapter {
    async fn append(&self, letters: Vec<DeadLetter>) -> Result<(), PortError> {
        let documents = letters
            .into_iter()
            .map(|letter| {
                let mut body = body(&letter)?;
                // Texts of times do not sort by time: the number of digits behind the seconds varies.
                body.insert("at_ms".to_owned(), letter.at.as_millisecond().into());
                Ok(NewDocument { id: letter.id, body, expires_at: None })
            })
            .collect::<Result<Vec<_>, _>>()
            .map_err(port_error)?;
        self.0.put_many(&DEAD_LETTERS, documents).await.map_err(port_error)
    }

    async fn list(
        &self,
        filter: &DeadLetterFilter,
        after: Option<&Position>,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, PortError> {
        let find = Find {
            conditions: conditions(filter),
            sort: Some("at_ms".to_owned()),
            descending: true,
            limit,
            after: after
                .map(|Position { at, id }| FindCursor { value: at.as_millisecond().into(), id: id.clone() }),
        };
        let found = self.0.find(&DEAD_LETTERS, find).await.map_err(port_error)?;
        found.into_iter().map(read).collect::<Result<_, _>>().map_err(port_error)
    }

    async fn get(&self, ids: &[String]) -> Result<Vec<DeadLetter>, PortError> {
        let mut letters = Vec::with_capacity(ids.len());
        for id in ids {
            if let Some(found) = self.0.get(&DEAD_LETTERS, id).await.map_err(port_error)? {
                letters.push(read(found).map_err(port_error)?);
            }
        }
        Ok(letters)
    }

    async fn count(&self, filter: &DeadLetterFilter) -> Result<u64, PortError> {
        self.0.count(&DEAD_LETTERS, &conditions(filter)).await.map_err(port_error)
    }

    async fn delete(&self, ids: &[String]) -> Result<(), PortError> {
        for id in ids {
            self.0.delete(&DEAD_LETTERS, id).await.map_err(port_error)?;
        }
        Ok(())
    }

    async fn delete_of_upload(&self, upload: &str) -> Result<(), PortError> {
        self.0.delete_where(&DEAD_LETTERS, &[equals("upload", upload)]).await.map(drop).map_err(port_error)
    }
}

fn conditions(filter: &DeadLetterFilter) -> Vec<Condition> {
    let DeadLetterFilter { upload, pipeline } = filter;
    let upload = upload.iter().map(|upload| equals("upload", upload));
    let pipeline = pipeline.iter().map(|pipeline| equals("pipeline", pipeline));
    upload.chain(pipeline).collect()
}
