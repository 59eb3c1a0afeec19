//! Work that waits for a thread, and what came of it.

use std::{
    collections::VecDeque,
    num::NonZeroUsize,
    sync::{Condvar, Mutex, MutexGuard},
};

/// Most pieces of work that a thread takes at once, if it does them one by one.
const MOST: usize = 32;

/// Pieces of work `J` in order, and what came of some, `R`, in no order.
pub(super) struct WorkQueue<J, R> {
    /// A thread takes its share of one in so many of what waits, and at most so many pieces.
    share: usize,
    most: usize,
    state: Mutex<State<J, R>>,
    work: Condvar,
    results: Condvar,
}

struct State<J, R> {
    waiting: VecDeque<J>,
    results: Vec<R>,
    /// Threads that wait for work, and whether one waits for results. Waking costs as much as training a small model, even where nobody sleeps.
    idle: usize,
    expected: bool,
    closed: bool,
}

/// What is there to be done for the one who wants results.
pub(super) enum Next<J, R> {
    /// This came of work so far.
    Results(Vec<R>),
    /// Nothing came yet, but this can be done meanwhile.
    Work(Vec<J>),
}

/// A thread panicked while it held the queue.
#[derive(Debug)]
pub(super) struct Broken;

impl<J, R> WorkQueue<J, R> {
    /// An empty one for so many threads, of which each does so many pieces of work at once.
    ///
    /// Where they are done one by one, a thread takes a large part at first and single pieces towards the end, so that all threads end
    /// together although pieces are of unequal size and there are few of them (guided self-scheduling, Polychronopoulos and Kuck 1987).
    /// Where many are done at once, each takes what is due to it.
    pub(super) fn new(threads: NonZeroUsize, together: NonZeroUsize) -> Self {
        let alone = together == NonZeroUsize::MIN;
        let (share, most) = if alone { (2 * threads.get(), MOST) } else { (threads.get(), together.get()) };
        let state = State { waiting: VecDeque::new(), results: Vec::new(), idle: 0, expected: false, closed: false };
        Self { share, most, state: Mutex::new(state), work: Condvar::new(), results: Condvar::new() }
    }

    /// Adds work behind what waits already, and one piece before it.
    pub(super) fn add(&self, first: Option<J>, jobs: impl IntoIterator<Item = J>) -> Result<(), Broken> {
        let mut state = self.lock()?;
        first.into_iter().for_each(|job| state.waiting.push_front(job));
        state.waiting.extend(jobs);
        // Whoever asked for results takes his part too.
        let woken = state.idle.min(state.waiting.len());
        drop(state);
        (0..woken).for_each(|_| self.work.notify_one());
        Ok(())
    }

    /// Work for a thread that has none, for which it waits; nothing once the queue is closed.
    pub(super) fn next(&self) -> Result<Option<Vec<J>>, Broken> {
        let mut state = self.lock()?;
        loop {
            if state.closed {
                return Ok(None);
            }
            if let Some(jobs) = self.some(&mut state) {
                return Ok(Some(jobs));
            }
            state.idle += 1;
            state = self.work.wait(state).map_err(|_| Broken)?;
            state.idle -= 1;
        }
    }

    /// Hands in what came of work.
    pub(super) fn hand_in(&self, results: Vec<R>) -> Result<(), Broken> {
        let mut state = self.lock()?;
        state.results.extend(results);
        let expected = state.expected;
        drop(state);
        if expected {
            self.results.notify_one();
        }
        Ok(())
    }

    /// What came of work so far, or else something to do in the meantime; waits only where neither is there.
    pub(super) fn results_or_work(&self) -> Result<Next<J, R>, Broken> {
        let mut state = self.lock()?;
        loop {
            if !state.results.is_empty() {
                return Ok(Next::Results(std::mem::take(&mut state.results)));
            }
            if let Some(jobs) = self.some(&mut state) {
                return Ok(Next::Work(jobs));
            }
            state.expected = true;
            state = self.results.wait(state).map_err(|_| Broken)?;
            state.expected = false;
        }
    }

    /// No work will be done any more, not even what waits.
    pub(super) fn close(&self) {
        if let Ok(mut state) = self.state.lock() {
            state.closed = true;
        }
        self.work.notify_all();
    }

    fn some(&self, state: &mut State<J, R>) -> Option<Vec<J>> {
        let part = state.waiting.len().div_ceil(self.share).min(self.most);
        if part == 0 { None } else { Some(state.waiting.drain(..part).collect()) }
    }

    fn lock(&self) -> Result<MutexGuard<'_, State<J, R>>, Broken> {
        self.state.lock().map_err(|_| Broken)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(threads: usize) -> WorkQueue<u32, u32> {
        WorkQueue::new(NonZeroUsize::new(threads).unwrap(), NonZeroUsize::MIN)
    }

    #[test]
    fn parts_get_smaller_towards_the_end_and_keep_their_order() {
        let queue = queue(2);
        queue.add(None, 1..=30).unwrap();
        queue.add(Some(0), 31..=50).unwrap();
        let mut parts = Vec::new();
        while parts.iter().map(Vec::len).sum::<usize>() < 51 {
            parts.push(queue.next().unwrap().unwrap());
        }
        assert_eq!(parts.concat(), (0..=50).collect::<Vec<_>>());
        assert_eq!(parts.iter().map(Vec::len).collect::<Vec<_>>(), [13, 10, 7, 6, 4, 3, 2, 2, 1, 1, 1, 1]);
    }

    #[test]
    fn what_is_done_at_once_is_taken_at_once() {
        let [threads, together] = [2, 128].map(|count| NonZeroUsize::new(count).unwrap());
        let queue: WorkQueue<u32, u32> = WorkQueue::new(threads, together);
        queue.add(None, 0..50).unwrap();
        assert_eq!(queue.next().unwrap().unwrap().len(), 25);
        queue.add(None, 0..1_000).unwrap();
        assert_eq!(queue.next().unwrap().unwrap().len(), 128);
    }

    #[test]
    fn whoever_wants_results_works_for_them_where_nobody_else_does() {
        let queue = queue(1);
        queue.add(None, [3]).unwrap();
        let Next::Work(jobs) = queue.results_or_work().unwrap() else { panic!("there is no result yet") };
        queue.hand_in(jobs).unwrap();
        assert!(matches!(queue.results_or_work().unwrap(), Next::Results(results) if results == [3]));
    }

    #[test]
    fn everything_is_done_once_by_any_number_of_threads() {
        for threads in [1, 2, 3, 8] {
            let queue = queue(threads);
            let mut done = std::thread::scope(|scope| {
                for _ in 1..threads {
                    scope.spawn(|| {
                        while let Some(jobs) = queue.next().unwrap() {
                            queue.hand_in(jobs).unwrap();
                        }
                    });
                }
                let mut done = Vec::new();
                for begun in (0..1_000).step_by(100) {
                    queue.add(None, begun..begun + 100).unwrap();
                    while done.len() < begun as usize + 50 {
                        match queue.results_or_work().unwrap() {
                            Next::Results(results) => done.extend(results),
                            Next::Work(jobs) => queue.hand_in(jobs).unwrap(),
                        }
                    }
                }
                while done.len() < 1_000 {
                    match queue.results_or_work().unwrap() {
                        Next::Results(results) => done.extend(results),
                        Next::Work(jobs) => queue.hand_in(jobs).unwrap(),
                    }
                }
                queue.close();
                done
            });
            done.sort_unstable();
            assert_eq!(done, (0..1_000).collect::<Vec<_>>(), "{threads} threads");
        }
    }

    #[test]
    fn a_closed_queue_gives_no_work() {
        let queue = queue(2);
        queue.add(None, 0..9).unwrap();
        queue.close();
        assert!(queue.next().unwrap().is_none());
    }
}
