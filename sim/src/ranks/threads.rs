//! Ranks that are threads of one process: what tests split runs by, wherever there is no MPI.

use std::{
    num::NonZeroUsize,
    sync::mpsc::{Receiver, Sender, channel},
};

use murmur_privacy::update::Partial;

use super::Ranks;

/// One of them.
pub(crate) struct Threaded {
    rank: usize,
    to: Vec<Sender<Vec<u8>>>,
    from: Vec<Receiver<Vec<u8>>>,
}

/// So many ranks that hear one another. One that panics drops its ends, and so ends the others.
pub(crate) fn together(count: usize) -> Vec<Threaded> {
    let mut ranks: Vec<Threaded> = (0..count).map(|rank| Threaded { rank, to: Vec::new(), from: Vec::new() }).collect();
    for from in 0..count {
        for to in 0..count {
            let (sender, receiver) = channel();
            ranks[from].to.push(sender);
            ranks[to].from.push(receiver);
        }
    }
    ranks
}

impl Ranks for Threaded {
    fn rank(&self) -> usize {
        self.rank
    }

    fn count(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.to.len()).unwrap()
    }

    fn exchange(&self, said: &[u8]) -> Vec<Vec<u8>> {
        self.to.iter().for_each(|rank| rank.send(said.to_vec()).unwrap());
        self.from.iter().map(|rank| rank.recv().unwrap()).collect()
    }

    fn add_up(&self, partial: Partial<'_>) {
        match partial {
            Partial::Narrow(words) => {
                let mine: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
                words.fill(0);
                for part in self.exchange(&mine) {
                    let addends = part.chunks_exact(4).map(|bytes| u32::from_le_bytes(bytes.try_into().unwrap()));
                    words.iter_mut().zip(addends).for_each(|(word, addend)| *word = word.wrapping_add(addend));
                }
            }
            Partial::Wide(words) => {
                let mine: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
                words.fill(0);
                for part in self.exchange(&mine) {
                    let addends = part.chunks_exact(8).map(|bytes| u64::from_le_bytes(bytes.try_into().unwrap()));
                    words.iter_mut().zip(addends).for_each(|(word, addend)| *word = word.wrapping_add(addend));
                }
            }
        }
    }
}
