use crate::memory::{Disk, ingest, open, payment};
use detect::fraud::Assessed;
use std::sync::Arc;

#[tokio::test]
async fn requests_at_the_same_time_see_each_other() {
    let disk = Arc::new(Disk::default());
    let detector = open(&disk).await;
    let mut held = Vec::new();
    for i in 0..6 {
        held.push(detector.assess(vec![payment(&format!("t{i}"), i)]).await.unwrap());
    }
    let last = held[5].assessed().next().flatten().unwrap().record.clone();
    assert_eq!(last.features["card_payments_1m"], 6.0);
    assert_eq!(last.rules, ["velocity_card"]);
    // Undone, they never were.
    drop(held);
    assert_eq!(detector.stats().payments, 0);
    let (_, assessed) = ingest(&detector, vec![payment("t0", 6)]).await;
    assert_eq!(assessed[0].as_ref().unwrap().record.features["card_payments_1m"], 1.0);
}

#[tokio::test]
async fn the_same_transaction_twice_counts_once() {
    let disk = Arc::new(Disk::default());
    let detector = Arc::new(open(&disk).await);
    let first = detector.assess(vec![payment("t1", 0), payment("t2", 1)]).await.unwrap();
    let second = tokio::spawn({
        let detector = detector.clone();
        async move { ingest(&detector, vec![payment("t2", 1), payment("t3", 2)]).await.1 }
    });
    // The second waits for as long as the first is open.
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(!second.is_finished());
    detector.commit(first, &[true, true]).await;
    let second = second.await.unwrap();
    let kinds: Vec<_> = second.iter().flatten().map(|one| one.kind).collect();
    assert_eq!(kinds, [Assessed::Repeated, Assessed::First]);
    assert_eq!(second[1].as_ref().unwrap().record.features["card_payments_1m"], 3.0);
    assert_eq!(disk.all().len(), 3);
}

#[tokio::test]
async fn a_dropped_assessment_lets_the_next_one_judge() {
    let disk = Arc::new(Disk::default());
    let detector = Arc::new(open(&disk).await);
    let first = detector.assess(vec![payment("t1", 0)]).await.unwrap();
    let second = tokio::spawn({
        let detector = detector.clone();
        async move { ingest(&detector, vec![payment("t1", 0)]).await.1 }
    });
    tokio::task::yield_now().await;
    drop(first);
    let second = second.await.unwrap();
    assert_eq!(second[0].as_ref().unwrap().kind, Assessed::First);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_tasks_lose_and_double_nothing() {
    let disk = Arc::new(Disk::default());
    let detector = Arc::new(open(&disk).await);
    let tasks: Vec<_> = (0..16_i64)
        .map(|task| {
            let detector = detector.clone();
            tokio::spawn(async move {
                for round in 0..10 {
                    // Every id is sent by two tasks, in batches that overlap crosswise.
                    let id = |i: i64| format!("t{}", (task / 2) * 20 + (i + task % 2 * 10) % 20);
                    let batch = vec![payment(&id(round), round), payment(&id(round + 10), round)];
                    ingest(&detector, batch).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    let mut counts: Vec<f64> = disk.all().iter().map(|record| record.features["card_payments_7d"]).collect();
    assert_eq!((counts.len(), detector.stats().payments, detector.stats().unsaved), (160, 160, 0));
    counts.sort_by(f64::total_cmp);
    // Never more than there are: nothing was counted twice.
    assert!(counts.iter().all(|count| (1.0..=160.0).contains(count)));
}
