use super::port_error;
use async_trait::async_trait;
use ingest::ports::{Job, JobQueue, PortError};
use serde_json::Value;
use std::{sync::Arc, time::Duration};
use store::queue::{self, Queue};

/// Jobs, in the queue.
pub(crate) struct JobAdapter(pub(crate) Arc<dyn Queue>);

#[async_trait]
impl JobQueue for JobAdapter {
    async fn push(&self, topic: &str, id: &str, payload: Value, delay: Duration) -> Result<(), PortError> {
        self.0.push(topic, id, payload, delay).await.map_err(port_error)
    }

    async fn claim(&self, topic: &str, lease: Duration) -> Result<Option<Job>, PortError> {
        let claimed = self.0.claim(topic, lease).await.map_err(port_error)?;
        Ok(claimed.map(|queue::Job { id, topic, payload, attempt, lease }| Job {
            id,
            topic,
            payload,
            attempt,
            lease,
        }))
    }

    async fn extend(&self, job: &Job, lease: Duration) -> Result<(), PortError> {
        self.0.extend(&stored(job), lease).await.map_err(port_error)
    }

    async fn complete(&self, job: &Job) -> Result<(), PortError> {
        self.0.complete(&stored(job)).await.map_err(port_error)
    }

    async fn fail(
        &self,
        job: &Job,
        reason: &str,
        delay: Duration,
        max_attempts: u32,
    ) -> Result<bool, PortError> {
        self.0.fail(&stored(job), reason, delay, max_attempts).await.map_err(port_error)
    }

    async fn release(&self, job: &Job, delay: Duration) -> Result<(), PortError> {
        self.0.release(&stored(job), delay).await.map_err(port_error)
    }

    async fn cancel(&self, id: &str) -> Result<bool, PortError> {
        self.0.cancel(id).await.map_err(port_error)
    }

    async fn wait(&self, topic: &str, timeout: Duration) -> Result<(), PortError> {
        self.0.wait(topic, timeout).await.map_err(port_error)
    }
}

fn stored(job: &Job) -> queue::Job {
    let Job { id, topic, payload, attempt, lease } = job.clone();
    queue::Job { id, topic, payload, attempt, lease }
}
