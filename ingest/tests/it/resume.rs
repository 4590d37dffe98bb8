//! What must not happen to a file when something else goes wrong: lines lost, lines twice.

use crate::world::{Fault, Workers, World, lines, messages, process, send};
use ingest::{decode::Limits, ports::PortErrorKind, upload::UploadState};
use std::{sync::Arc, time::Duration};

/// Batches of ten, so that small files have many.
fn small() -> Limits {
    Limits { batch_max_events: 10, ..Limits::default() }
}

fn expected(count: usize) -> Vec<String> {
    String::from_utf8(lines(count)).unwrap().lines().map(str::to_owned).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_fails_now_and_then_loses_and_doubles_nothing() {
    for kind in
        [PortErrorKind::Overloaded, PortErrorKind::Full, PortErrorKind::Unavailable, PortErrorKind::Internal]
    {
        let directory = tempfile::tempdir().unwrap();
        let world = World::open(directory.path());
        for batch in [0, 3, 4, 11] {
            world.fail_at(batch, Fault::Half(kind));
        }
        let (service, _) = world.service(small());
        let workers = Workers::start(&service, 2);
        let upload = process(&service, "a.log", "auto", &lines(205)).await;
        assert_eq!(upload.state, UploadState::Done, "{upload:?}");
        assert_eq!(
            (upload.counts.lines, upload.counts.indexed, upload.counts.duplicates),
            (205, 205, 0),
            "{kind:?}"
        );
        assert_eq!(upload.error, None);
        assert_eq!(messages(&world), expected(205));
        workers.stop().await;
        assert_eq!((world.blob_count(), world.job_count()), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_crash_at_any_batch_loses_and_doubles_nothing() {
    for crash_at in 0..12 {
        let directory = tempfile::tempdir().unwrap();
        let world = World::open(directory.path());
        let mut text = lines(95);
        text.extend_from_slice(b"a bad line\n");
        world.fail_at(crash_at, Fault::Hang);
        let (service, _) = world.service(small());
        let workers = Workers::start(&service, 1);
        let upload = send(&service, "a.log", "strict", &text).await;
        let hung = tokio::time::timeout(Duration::from_secs(20), world.hung.notified());
        tokio::select! {
            done = service.wait(&upload.id) => assert!(crash_at >= 10, "{:?}", done.unwrap()),
            hung = hung => hung.expect("the sink hangs"),
        }
        workers.crash().await;
        drop((service, world));

        let world = World::open(directory.path());
        let (service, _) = world.service(small());
        let workers = Workers::start(&service, 1);
        let upload =
            tokio::time::timeout(Duration::from_secs(20), service.wait(&upload.id)).await.unwrap().unwrap();
        assert_eq!(upload.state, UploadState::Done, "{upload:?}");
        let counts = upload.counts;
        assert_eq!(
            (counts.lines, counts.indexed, counts.duplicates, counts.dead),
            (96, 95, 0, 1),
            "{crash_at}"
        );
        assert_eq!(messages(&world), expected(95));
        let dead = service.dead_letters(&Default::default(), None, 10).await.unwrap();
        assert_eq!(dead.items.len(), 1);
        // One that was done before the crash may still have its job.
        while world.job_count() > 0 {
            tokio::task::yield_now().await;
        }
        workers.stop().await;
        assert_eq!((world.blob_count(), world.job_count()), (0, 0));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stopping_and_starting_goes_on_where_it_was() {
    let directory = tempfile::tempdir().unwrap();
    let mut id = None;
    for round in 0..4 {
        let world = World::open(directory.path());
        world.fail_at(2, Fault::Half(PortErrorKind::Unavailable));
        let (service, _) = world.service(small());
        if id.is_none() {
            id = Some(send(&service, "a.log", "auto", &lines(500)).await.id);
        }
        let workers = Workers::start(&service, 1);
        // Stops somewhere in the middle, wherever that is.
        let id = id.as_deref().unwrap();
        for _ in 0..=round {
            tokio::task::yield_now().await;
        }
        workers.stop().await;
        let upload = service.get(id).await.unwrap();
        assert!(upload.state != UploadState::Failed, "{upload:?}");
    }
    let world = World::open(directory.path());
    let (service, _) = world.service(small());
    let workers = Workers::start(&service, 1);
    let upload = service.wait(&id.unwrap()).await.unwrap();
    assert_eq!((upload.counts.indexed, upload.counts.duplicates), (500, 0));
    assert_eq!(messages(&world), expected(500));
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_that_never_recovers_fails_the_upload() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(directory.path());
    (0..10).for_each(|batch| world.fail_at(batch, Fault::Half(PortErrorKind::Internal)));
    let (service, _) = world.service(Limits::default());
    let workers = Workers::start(&service, 1);
    let upload = process(&service, "a.log", "auto", &lines(10)).await;
    assert_eq!(upload.state, UploadState::Failed);
    let error = upload.error.unwrap();
    assert!(error.contains("5 attempts") && error.contains("failed as asked"), "{error}");
    // The same file again, with the store mended, brings what is missing.
    workers.stop().await;
    let world2 = World::open(directory.path());
    let (service2, _) = world2.service(Limits::default());
    let workers = Workers::start(&service2, 1);
    let again = process(&service2, "a.log", "auto", &lines(10)).await;
    assert_eq!(again.state, UploadState::Done);
    assert_eq!((again.counts.indexed, again.counts.duplicates), (5, 5));
    assert_eq!(messages(&world2), expected(10));
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn equal_files_at_the_same_time_are_stored_once() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(directory.path());
    let (service, _) = world.service(small());
    let workers = Workers::start(&service, 4);
    let text = Arc::new(lines(300));
    let jobs: Vec<_> = (0..4)
        .map(|n| {
            let (service, text) = (service.clone(), text.clone());
            tokio::spawn(async move { process(&service, &format!("{n}.log"), "auto", &text).await })
        })
        .collect();
    let mut indexed = 0;
    let mut duplicates = 0;
    for job in jobs {
        let upload = job.await.unwrap();
        assert_eq!(upload.state, UploadState::Done, "{upload:?}");
        indexed += upload.counts.indexed;
        duplicates += upload.counts.duplicates;
    }
    assert_eq!((indexed, duplicates), (300, 900));
    assert_eq!(messages(&world), expected(300));
    workers.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_running_upload_is_deleted_with_all_it_left() {
    let directory = tempfile::tempdir().unwrap();
    let world = World::open(directory.path());
    (1..100_000).for_each(|batch| world.fail_at(batch, Fault::Half(PortErrorKind::Unavailable)));
    let (service, _) = world.service(small());
    let text = [b"a bad line\n".to_vec(), lines(50)].concat();
    let upload = send(&service, "a.log", "strict", &text).await;
    let workers = Workers::start(&service, 1);
    // The first batch is stored, the second never: it waits.
    while !service.get(&upload.id).await.unwrap().error.is_some_and(|error| error.starts_with("waiting")) {
        tokio::task::yield_now().await;
    }
    assert_eq!(service.get(&upload.id).await.unwrap().counts.dead, 1);
    service.delete(&upload.id).await.unwrap();
    while world.job_count() > 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.blob_count(), 0);
    assert_eq!(service.count_dead_letters(&Default::default()).await.unwrap(), 0);
    assert!(service.get(&upload.id).await.is_err());
    workers.stop().await;
}
