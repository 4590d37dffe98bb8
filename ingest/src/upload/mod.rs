//! Uploads: files that are streamed into a blob, queued, and turned into events by workers.

mod model;

pub use model::{
    Content, Counts, ErrorSample, MemberProgress, NewUpload, Page, Upload, UploadError, UploadRecord,
    UploadState,
};
