//! The threads that fill segments and commit them, for all indices together.

use parking_lot::{Condvar, Mutex};
use std::{collections::VecDeque, io, sync::Arc, thread::JoinHandle};

/// A piece of work.
pub(super) type Job = Box<dyn FnOnce() + Send>;

/// A fixed number of threads and the work that waits for them. Ends its threads when dropped, without what still
/// waits: that is in the write-ahead log.
pub(super) struct Workers {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

struct Shared {
    queue: Mutex<Queue>,
    wake: Condvar,
}

struct Queue {
    jobs: VecDeque<Job>,
    stopped: bool,
}

impl Workers {
    pub(super) fn start(count: usize) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue { jobs: VecDeque::new(), stopped: false }),
            wake: Condvar::new(),
        });
        let threads = (0..count.max(1))
            .map(|_| {
                let shared = shared.clone();
                std::thread::Builder::new().name("vigie-index".to_owned()).spawn(move || shared.run())
            })
            .collect::<io::Result<_>>()?;
        Ok(Self { shared, threads: Mutex::new(threads) })
    }

    /// Queues work; dropped unseen once the workers have stopped.
    pub(super) fn submit(&self, job: Job) {
        let mut queue = self.shared.queue.lock();
        if !queue.stopped {
            queue.jobs.push_back(job);
            drop(queue);
            self.shared.wake.notify_one();
        }
    }

    /// Ends the threads once they have done what they are at.
    pub(super) fn stop(&self) {
        let waiting = {
            let mut queue = self.shared.queue.lock();
            queue.stopped = true;
            std::mem::take(&mut queue.jobs)
        };
        // Outside of the lock: what jobs hold may do anything when it goes.
        drop(waiting);
        self.shared.wake.notify_all();
        let this = std::thread::current().id();
        for thread in std::mem::take(&mut *self.threads.lock()) {
            // The last owner may be one of the threads itself.
            if thread.thread().id() != this && thread.join().is_err() {
                tracing::error!("a thread that writes indices has panicked");
            }
        }
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Shared {
    fn run(&self) {
        loop {
            let mut queue = self.queue.lock();
            let job = loop {
                if queue.stopped {
                    return;
                }
                match queue.jobs.pop_front() {
                    Some(job) => break job,
                    None => self.wake.wait(&mut queue),
                }
            };
            drop(queue);
            // A defect in one index must not take the thread from the others; the index recovers from the log.
            if std::panic::catch_unwind(std::panic::AssertUnwindSafe(job)).is_err() {
                tracing::error!("writing an index has panicked");
            }
        }
    }
}

/// Does `work` for each item, on the workers and on this thread, and returns when all are done.
pub(super) fn for_each<T: Send + 'static>(
    workers: &Workers,
    items: Vec<T>,
    work: impl Fn(T) + Send + Sync + 'static,
) {
    let count = items.len();
    let round =
        Arc::new(Round { items: Mutex::new(items), left: Mutex::new(count), done: Condvar::new(), work });
    for _ in 1..count {
        let round = round.clone();
        workers.submit(Box::new(move || {
            round.step();
        }));
    }
    while round.step() {}
    let mut left = round.left.lock();
    while *left > 0 {
        round.done.wait(&mut left);
    }
}

struct Round<T, F> {
    items: Mutex<Vec<T>>,
    left: Mutex<usize>,
    done: Condvar,
    work: F,
}

impl<T, F: Fn(T)> Round<T, F> {
    /// Takes one item; `false`: there are no more.
    fn step(&self) -> bool {
        let Some(item) = self.items.lock().pop() else { return false };
        // Counted also when the work panics: nobody must wait for ever.
        let _counted = Counted { left: &self.left, done: &self.done };
        (self.work)(item);
        true
    }
}

struct Counted<'a> {
    left: &'a Mutex<usize>,
    done: &'a Condvar,
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        *self.left.lock() -= 1;
        self.done.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    #[test]
    fn each_item_is_worked_on_once() {
        let workers = Workers::start(3).unwrap();
        for count in [0, 1, 100] {
            let sum = Arc::new(AtomicUsize::new(0));
            let counted = sum.clone();
            for_each(&workers, (1..=count).collect(), move |n: usize| {
                counted.fetch_add(n, Ordering::SeqCst);
            });
            assert_eq!(sum.load(Ordering::SeqCst), count * (count + 1) / 2);
        }
        workers.stop();
        // Nobody else is there: the caller does it all.
        for_each(&workers, vec![1, 2], |_| {});
    }
}
