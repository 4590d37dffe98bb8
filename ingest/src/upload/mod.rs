//! Uploads: files that are streamed into a blob, queued, and turned into events by workers.
//!
//! A job reads its file twice: once whole, for digests and limits ([`scan`]), and once to make events ([`read`]),
//! beginning behind the last checkpoint. What is stored of a content is remembered by its digest ([`Content`]), so that
//! neither a crash nor the same file again stores anything twice.
//!
//! *Invariants*: a batch is committed only after the sink and the dead letters acknowledged it; an upload that is done or
//! failed has no blob; a worker that lost its lease writes nothing more about the upload.

mod hub;
mod job;
mod member;
mod model;
mod read;
mod receive;
mod replay;
mod scan;
mod service;
mod worker;

pub use model::{
    Content, Counts, ErrorSample, MemberProgress, NewUpload, Page, Upload, UploadError, UploadRecord,
    UploadState,
};
pub use receive::UploadWriter;
pub use service::{UploadParts, UploadService};
