//! Ranks that are processes of MPI.

use std::{num::NonZeroUsize, thread, time::Duration};

use ::mpi::{
    Threading,
    collective::SystemOperation,
    datatype::PartitionMut,
    environment::Universe,
    topology::SimpleCommunicator,
    traits::{Communicator, CommunicatorCollectives, Equivalence},
};
use murmur_privacy::update::Partial;

use super::Ranks;

/// Exit code where a rank panics, as of every error.
const ERROR: i32 = 2;
/// Words that are added up at once: what MPI adds to it needs memory of its own.
const WORDS: usize = 1 << 20;
/// Bytes of one rank that are handed on at once: MPI counts all of them in 32 bits.
const BYTES: usize = 1 << 20;
/// How often a rank that waits for others looks again before it sleeps, and for how long it sleeps then. MPI itself would wait without
/// pause, on a core that a training thread needs.
const LOOKS: u32 = 50;
const NAP: Duration = Duration::from_micros(50);

/// This process among those that it was started with.
pub(super) struct Mpi {
    world: SimpleCommunicator,
    rank: usize,
    count: NonZeroUsize,
    /// Ends MPI when it is dropped, which waits for all ranks.
    _universe: Universe,
}

impl Mpi {
    /// `None` for a process that was started alone.
    pub(super) fn join() -> Option<Box<dyn Ranks>> {
        // This thread alone ever speaks to MPI; others train.
        let (universe, _) = ::mpi::initialize_with_threading(Threading::Funneled)?;
        let world = universe.world();
        let (rank, count) = (usize::try_from(world.rank()).ok()?, usize::try_from(world.size()).ok()?);
        let count = NonZeroUsize::new(count).filter(|count| count.get() > 1)?;
        Some(Box::new(Self { world, rank, count, _universe: universe }))
    }

    /// Waits until all are here.
    fn meet(&self) {
        let mut request = self.world.immediate_barrier();
        let mut looks = 0;
        while let Err(unfinished) = request.test() {
            request = unfinished;
            looks += 1;
            if looks > LOOKS { thread::sleep(NAP) } else { thread::yield_now() }
        }
    }

    fn sum<T: Equivalence + Copy + Default>(&self, words: &mut [T]) {
        let mut total = vec![T::default(); words.len().min(WORDS)];
        for words in words.chunks_mut(WORDS) {
            let total = &mut total[..words.len()];
            // Of unsigned words, which wrap.
            self.world.all_reduce_into(&*words, total, SystemOperation::sum());
            words.copy_from_slice(total);
        }
    }
}

impl Ranks for Mpi {
    fn rank(&self) -> usize {
        self.rank
    }

    fn count(&self) -> NonZeroUsize {
        self.count
    }

    fn exchange(&self, said: &[u8]) -> Vec<Vec<u8>> {
        self.meet();
        let mut lengths = vec![0_u64; self.count.get()];
        self.world.all_gather_into(&(said.len() as u64), &mut lengths);
        let lengths: Vec<usize> = lengths.into_iter().map(|length| length as usize).collect();
        let longest = lengths.iter().copied().max().unwrap_or(0);
        let mut heard: Vec<Vec<u8>> = lengths.iter().map(|length| Vec::with_capacity(*length)).collect();
        // Fewer of each where there are many ranks, so that all together are counted in 32 bits.
        let most = BYTES.min(i32::MAX as usize / self.count);
        for begin in (0..longest).step_by(most) {
            let pieces: Vec<usize> = lengths.iter().map(|length| length.saturating_sub(begin).min(most)).collect();
            let starts: Vec<usize> =
                pieces.iter().scan(0, |end, piece| Some(std::mem::replace(end, *end + piece))).collect();
            let mut bytes = vec![0_u8; pieces.iter().sum()];
            let mine = &said[begin.min(said.len())..(begin + most).min(said.len())];
            let (counts, places): (Vec<i32>, Vec<i32>) =
                pieces.iter().zip(&starts).map(|(piece, start)| (*piece as i32, *start as i32)).unzip();
            self.world.all_gather_varcount_into(mine, &mut PartitionMut::new(&mut bytes[..], counts, places));
            for ((heard, start), piece) in heard.iter_mut().zip(starts).zip(pieces) {
                heard.extend_from_slice(&bytes[start..start + piece]);
            }
        }
        heard
    }

    fn add_up(&self, partial: Partial<'_>) {
        self.meet();
        match partial {
            Partial::Narrow(words) => self.sum(words),
            Partial::Wide(words) => self.sum(words),
        }
    }
}

impl Drop for Mpi {
    fn drop(&mut self) {
        // The others would wait for a rank that panicked, and it for them, until somebody kills them.
        if thread::panicking() {
            self.world.abort(ERROR);
        }
    }
}
