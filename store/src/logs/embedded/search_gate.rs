//! Who may search now: a bounded number at a time, shared fairly between callers.

use crate::{ErrorKind, StoreError};
use parking_lot::Mutex;
use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};
use tokio::sync::oneshot;

/// When a refused caller may try again.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Lets a bounded number of searches run. Those that wait are taken in turns, one of each caller, so a dashboard with
/// a hundred panels delays its own panels and not everybody. One caller never holds the last slot (where there are
/// two or more), nor more than half of the places to wait.
#[derive(Clone)]
pub(super) struct SearchGate {
    shared: Arc<Shared>,
}

struct Shared {
    slots: usize,
    waiting_max: usize,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: usize,
    running_of: HashMap<Arc<str>, usize>,
    /// Callers with searches that wait, next one first.
    turns: VecDeque<Line>,
    waiting: usize,
}

/// The searches of one caller that wait.
struct Line {
    subject: Arc<str>,
    searches: VecDeque<oneshot::Sender<SearchPermit>>,
}

/// A search may run while this is held: keep it where the work is done, not where its answer is awaited.
pub(super) struct SearchPermit {
    shared: Arc<Shared>,
    /// Taken out when the permit is given back.
    subject: Option<Arc<str>>,
}

impl SearchGate {
    /// A gate for so many searches at a time, and so many that wait.
    pub(super) fn new(slots: usize, waiting_max: usize) -> Self {
        let shared = Shared { slots: slots.max(1), waiting_max, state: Mutex::default() };
        Self { shared: Arc::new(shared) }
    }

    /// Waits for this caller's turn.
    ///
    /// # Errors
    /// Too many searches wait, of this caller or of all.
    pub(super) async fn enter(&self, subject: &str) -> Result<SearchPermit, StoreError> {
        let turn = {
            let mut state = self.shared.state.lock();
            let subject: Arc<str> = subject.into();
            if self.shared.may_run(&state, &subject) {
                state.start(&subject);
                return Ok(SearchPermit { shared: self.shared.clone(), subject: Some(subject) });
            }
            self.shared.line_up(&mut state, subject)?
        };
        // The other end is dropped only together with the gate.
        turn.await.map_err(|error| StoreError::internal("the search was not started", error))
    }
}

impl Shared {
    fn may_run(&self, state: &State, subject: &str) -> bool {
        let held = state.running_of.get(subject).copied().unwrap_or_default();
        state.running < self.slots && held < self.slots.saturating_sub(1).max(1)
    }

    fn line_up(
        &self,
        state: &mut State,
        subject: Arc<str>,
    ) -> Result<oneshot::Receiver<SearchPermit>, StoreError> {
        let full = |state: &State| {
            state.waiting >= self.waiting_max || state.waits(&subject) >= self.waiting_max.div_ceil(2)
        };
        if full(state) {
            // Who went away while waiting leaves its place to others.
            state.forget_the_gone();
        }
        if full(state) {
            let error = StoreError::new(ErrorKind::Overloaded, "too many searches are waiting");
            return Err(error.retry_after(RETRY_AFTER));
        }
        let (sender, receiver) = oneshot::channel();
        match state.turns.iter_mut().find(|line| line.subject == subject) {
            Some(line) => line.searches.push_back(sender),
            None => state.turns.push_back(Line { subject, searches: VecDeque::from([sender]) }),
        }
        state.waiting += 1;
        Ok(receiver)
    }

    /// Lets in who is next, as long as there is room.
    fn admit(self: &Arc<Self>) {
        loop {
            let (sender, permit) = {
                let mut state = self.state.lock();
                let next = state.turns.iter().position(|line| self.may_run(&state, &line.subject));
                let Some(mut line) = next.and_then(|at| state.turns.remove(at)) else { return };
                let sender = line.searches.pop_front();
                let subject = line.subject.clone();
                if !line.searches.is_empty() {
                    state.turns.push_back(line);
                }
                let Some(sender) = sender else { continue };
                state.waiting -= 1;
                state.start(&subject);
                (sender, SearchPermit { shared: self.clone(), subject: Some(subject) })
            };
            // Who went away in the meantime hands the permit back here; it must not be dropped with the lock held.
            if let Err(mut unused) = sender.send(permit) {
                unused.give_back();
            }
        }
    }
}

impl State {
    fn start(&mut self, subject: &Arc<str>) {
        self.running += 1;
        *self.running_of.entry(subject.clone()).or_default() += 1;
    }

    fn end(&mut self, subject: &Arc<str>) {
        self.running -= 1;
        if let Some(held) = self.running_of.get_mut(subject) {
            *held -= 1;
            if *held == 0 {
                self.running_of.remove(subject);
            }
        }
    }

    fn waits(&self, subject: &Arc<str>) -> usize {
        self.turns.iter().find(|line| line.subject == *subject).map_or(0, |line| line.searches.len())
    }

    fn forget_the_gone(&mut self) {
        for line in &mut self.turns {
            line.searches.retain(|search| !search.is_closed());
        }
        self.turns.retain(|line| !line.searches.is_empty());
        self.waiting = self.turns.iter().map(|line| line.searches.len()).sum();
    }
}

impl SearchPermit {
    fn give_back(&mut self) {
        if let Some(subject) = self.subject.take() {
            self.shared.state.lock().end(&subject);
        }
    }
}

impl Drop for SearchPermit {
    fn drop(&mut self) {
        if self.subject.is_some() {
            self.give_back();
            self.shared.admit();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::task::Poll;

    /// Whether the future is done when asked once.
    async fn now<T>(future: impl Future<Output = T>) -> Option<T> {
        let mut future = std::pin::pin!(future);
        std::future::poll_fn(|context| match future.as_mut().poll(context) {
            Poll::Ready(value) => Poll::Ready(Some(value)),
            Poll::Pending => Poll::Ready(None),
        })
        .await
    }

    #[tokio::test]
    async fn one_caller_leaves_a_slot_to_others() {
        let gate = SearchGate::new(3, 10);
        let held = [gate.enter("a").await.unwrap(), gate.enter("a").await.unwrap()];
        assert!(now(gate.enter("a")).await.is_none());
        let other = now(gate.enter("b")).await.unwrap().unwrap();
        drop((held, other));
        assert_eq!(gate.shared.state.lock().running, 0);
        assert!(gate.shared.state.lock().running_of.is_empty());
    }

    #[tokio::test]
    async fn those_who_wait_are_taken_in_turns() {
        let gate = SearchGate::new(1, 10);
        let mut held = Some(gate.enter("a").await.unwrap());
        let (sender, mut order) = tokio::sync::mpsc::unbounded_channel();
        for (name, subject) in [("a1", "a"), ("a2", "a"), ("a3", "a"), ("b1", "b"), ("c1", "c")] {
            let (gate, sender) = (gate.clone(), sender.clone());
            tokio::spawn(async move { sender.send((name, gate.enter(subject).await.unwrap())).ok() });
            tokio::task::yield_now().await;
        }
        let mut seen = Vec::new();
        while seen.len() < 5 {
            drop(held.take());
            let (name, permit) = order.recv().await.unwrap();
            seen.push(name);
            held = Some(permit);
        }
        assert_eq!(seen, ["a1", "b1", "c1", "a2", "a3"]);
    }

    #[tokio::test]
    async fn a_caller_takes_at_most_half_of_the_places_to_wait() {
        let gate = SearchGate::new(1, 4);
        let _held = gate.enter("a").await.unwrap();
        let mut waiting = [Box::pin(gate.enter("a")), Box::pin(gate.enter("a"))];
        for search in &mut waiting {
            assert!(now(search.as_mut()).await.is_none());
        }
        assert_eq!(now(gate.enter("a")).await.unwrap().err().unwrap().kind, ErrorKind::Overloaded);
        assert!(now(gate.enter("b")).await.is_none(), "another may still wait");
    }

    #[tokio::test]
    async fn who_goes_away_keeps_neither_place_nor_slot() {
        let gate = SearchGate::new(1, 2);
        let held = gate.enter("a").await.unwrap();
        for _ in 0..20 {
            assert!(now(gate.enter("b")).await.is_none(), "dropped while waiting");
        }
        drop(held);
        assert!(now(gate.enter("c")).await.unwrap().is_ok());
        assert_eq!(gate.shared.state.lock().running, 0);
    }
}
