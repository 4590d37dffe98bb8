//! The suite of [`BlobStore`], and what is particular to files.

use bytes::Bytes;
use std::{io::Read, path::Path};
use store::{
    ErrorKind,
    blobs::{BlobStore, FileBlobs},
};

const CHUNK: usize = 64 << 10;

/// What every blob store must do. The store is empty.
pub(crate) async fn suite(store: &dyn BlobStore) {
    for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 4 * CHUNK, 10 * CHUNK + 7] {
        write(store, "sized", &plain(length), 10_000).await;
        assert!(read(store, "sized").await == plain(length), "{length} bytes");
    }
    assert!(store.delete("sized").await.unwrap());
    assert!(!store.delete("sized").await.unwrap());
    assert_eq!(failure(store, "sized").await, ErrorKind::NotFound);
    an_unfinished_blob_is_not_there(store).await;
    blobs_are_listed(store).await;
    ids_are_never_paths(store).await;
    store.health().await.unwrap();
    assert_eq!(store.list().await.unwrap(), Vec::<String>::new());
}

fn plain(length: usize) -> Vec<u8> {
    (0..length).map(|n| (n / 253 + n) as u8).collect()
}

async fn write(store: &dyn BlobStore, id: &str, content: &[u8], piece: usize) {
    let mut writer = store.create(id).await.unwrap();
    for piece in content.chunks(piece) {
        writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
    }
    writer.finish().await.unwrap();
}

async fn read(store: &dyn BlobStore, id: &str) -> Vec<u8> {
    let mut content = Vec::new();
    store.open(id).await.unwrap().read_to_end(&mut content).unwrap();
    content
}

async fn failure(store: &dyn BlobStore, id: &str) -> ErrorKind {
    store.open(id).await.map(drop).unwrap_err().kind
}

async fn an_unfinished_blob_is_not_there(store: &dyn BlobStore) {
    let mut writer = store.create("unfinished").await.unwrap();
    writer.write(Bytes::from(plain(10 * CHUNK))).await.unwrap();
    assert_eq!(failure(store, "unfinished").await, ErrorKind::NotFound);
    assert!(store.list().await.unwrap().is_empty());
    write(store, "unfinished", b"another writer", 100).await;
    drop(writer);
    assert_eq!(read(store, "unfinished").await, b"another writer");
    write(store, "unfinished", b"later", 100).await;
    assert_eq!(read(store, "unfinished").await, b"later", "the last to finish stays");
    assert!(store.delete("unfinished").await.unwrap());
}

async fn blobs_are_listed(store: &dyn BlobStore) {
    for id in ["b", "a", "A-1_x"] {
        write(store, id, id.as_bytes(), 1).await;
    }
    let mut ids = store.list().await.unwrap();
    ids.sort();
    assert_eq!(ids, ["A-1_x", "a", "b"]);
    for id in ids {
        assert_eq!(read(store, &id).await, id.as_bytes());
        assert!(store.delete(&id).await.unwrap());
    }
}

async fn ids_are_never_paths(store: &dyn BlobStore) {
    for id in ["", ".", "..", "../a", "a/b", "a.b", "a\\b", "a b", "a\0", "é", &"x".repeat(129)] {
        assert_eq!(store.create(id).await.map(drop).unwrap_err().kind, ErrorKind::InvalidRequest, "{id:?}");
        assert_eq!(failure(store, id).await, ErrorKind::InvalidRequest, "{id:?}");
        assert_eq!(store.delete(id).await.unwrap_err().kind, ErrorKind::InvalidRequest, "{id:?}");
    }
}

// ---- files ----

const KEY: [u8; 32] = [42; 32];

fn names(directory: &Path) -> Vec<String> {
    let entries = directory.read_dir().unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[tokio::test]
async fn files_pass_the_suite() {
    let home = tempfile::tempdir().unwrap();
    let directory = home.path().join("blobs");
    suite(&FileBlobs::open(&directory, KEY).unwrap()).await;
    assert_eq!(names(&directory), Vec::<String>::new());
}

#[tokio::test]
async fn blobs_survive_reopening_and_leftovers_do_not() {
    let home = tempfile::tempdir().unwrap();
    let store = FileBlobs::open(home.path(), KEY).unwrap();
    write(&store, "kept", b"content", 3).await;
    std::fs::write(home.path().join("lost.0123.part"), b"half").unwrap();
    drop(store);
    let store = FileBlobs::open(home.path(), KEY).unwrap();
    assert_eq!(names(home.path()), ["kept.blob"]);
    assert_eq!(read(&store, "kept").await, b"content");
}

#[tokio::test]
async fn what_is_on_disk_is_not_the_content() {
    let home = tempfile::tempdir().unwrap();
    let store = FileBlobs::open(home.path(), KEY).unwrap();
    let secret = b"card 4111 1111 1111 1111";
    write(&store, "secret", secret, 100).await;
    let file = home.path().join("secret.blob");
    let stored = std::fs::read(&file).unwrap();
    assert!(!stored.windows(4).any(|part| secret.windows(4).any(|plain| plain == part)));
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    }
}

#[tokio::test]
async fn a_damaged_blob_is_an_error() {
    let home = tempfile::tempdir().unwrap();
    let store = FileBlobs::open(home.path(), KEY).unwrap();
    let content = plain(2 * CHUNK);
    write(&store, "blob", &content, CHUNK).await;
    let file = home.path().join("blob.blob");
    let whole = std::fs::read(&file).unwrap();
    let check = async |damaged: &[u8]| {
        std::fs::write(&file, damaged).unwrap();
        match store.open("blob").await {
            Ok(mut reader) => {
                let mut read = Vec::new();
                let error = reader.read_to_end(&mut read).unwrap_err();
                assert_eq!(error.kind(), std::io::ErrorKind::InvalidData);
                assert!(content.starts_with(&read), "never wrong bytes");
            }
            Err(error) => assert_eq!(error.kind, ErrorKind::Corrupt),
        }
    };
    check(&whole[..whole.len() - 1]).await;
    check(&whole[..CHUNK]).await;
    check(b"short").await;
    let mut flipped = whole.clone();
    flipped[CHUNK + 1_000] ^= 4;
    check(&flipped).await;
    std::fs::write(&file, &whole).unwrap();
    assert!(read(&store, "blob").await == content);
    std::fs::rename(&file, home.path().join("other.blob")).unwrap();
    assert!(store.open("other").await.unwrap().read_to_end(&mut Vec::new()).is_err(), "bound to its id");
}
