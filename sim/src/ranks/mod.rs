//! The processes that carry out one run together, on one machine or on several: what they are to one another.
//!
//! Every rank lives through the whole of virtual time, with a coordinator, a ledger and a seed that are the same everywhere. Only the devices'
//! work is split: each device is trained by one rank, and the others hear what everybody must know of it. Before a release the ranks add their
//! partial sums up, in integers, so the model is the same, bit for bit, for any number of them.

#[cfg(feature = "mpi")]
mod mpi;
mod start;
#[cfg(test)]
pub(crate) mod threads;

pub use start::Start;

use std::{error::Error, num::NonZeroUsize};

use murmur_privacy::update::Partial;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

use crate::SimError;

/// One rank's link to all. Every rank makes the same calls in the same order. A link that breaks ends the process.
pub trait Ranks {
    /// This rank's number, from 0. Rank 0 is the one that speaks: it alone measures released models, shows progress and writes anything.
    fn rank(&self) -> usize;

    /// How many there are.
    fn count(&self) -> NonZeroUsize;

    /// Says something to all and hears what each says, this one included, in the order of ranks.
    fn exchange(&self, said: &[u8]) -> Vec<Vec<u8>>;

    /// Puts in the place of each word the wrapping sum of all ranks' words at its place.
    fn add_up(&self, partial: Partial<'_>);
}

/// The ranks that this process was started with, by `mpirun` or whatever else starts processes of MPI. `None` for a process on its own, and
/// always without the cargo feature `mpi`. To be asked for once in a process, on its main thread.
#[must_use]
pub fn join() -> Option<Box<dyn Ranks>> {
    #[cfg(feature = "mpi")]
    let ranks = mpi::Mpi::join();
    #[cfg(not(feature = "mpi"))]
    let ranks = None;
    ranks
}

/// Whether this process speaks for all: rank 0, or one on its own.
#[must_use]
pub fn leads(ranks: Option<&dyn Ranks>) -> bool {
    ranks.is_none_or(|ranks| ranks.rank() == 0)
}

/// What a rank says where all say something.
#[derive(Serialize, Deserialize)]
enum Said {
    Word(Vec<u8>),
    /// It cannot go on, and says nothing any more.
    Failed {
        message: String,
        refused: bool,
    },
}

/// Says a word to all and hears everybody's.
///
/// # Errors
/// [`SimError::Rank`] where a rank could not go on: nothing is exchanged any more then.
pub(crate) fn exchange<T: Serialize + DeserializeOwned>(ranks: &dyn Ranks, word: &T) -> Result<Vec<T>, SimError> {
    let heard = ranks.exchange(&written(&Said::Word(written(word)?))?);
    let words = heard.iter().enumerate().map(|(rank, said)| match read(said)? {
        Said::Word(word) => Ok(word),
        Said::Failed { message, refused } => Err(SimError::Rank { rank, message, refused }),
    });
    // All of them first: a word may be of another kind than was expected where its rank failed.
    let words: Vec<Vec<u8>> = words.collect::<Result<_, _>>()?;
    words.iter().map(|word| read(word)).collect()
}

/// Hands a result on. Where it is an error of this rank's own, all others hear of it wherever they exchange something next, and end too: so
/// nobody waits for a rank that is gone.
///
/// # Errors
/// The result's.
pub fn told<T>(ranks: Option<&dyn Ranks>, result: Result<T, SimError>) -> Result<T, SimError> {
    if let (Some(ranks), Err(error)) = (ranks, &result)
        && !error.is_known_to_all_ranks()
    {
        let said = Said::Failed { message: whole(error), refused: error.is_refusal() };
        ranks.exchange(&written(&said)?);
    }
    result
}

/// An error's text and that of its causes.
fn whole(error: &SimError) -> String {
    let (mut text, mut next) = (error.to_string(), error.source());
    while let Some(cause) = next {
        text = format!("{text}: {cause}");
        next = cause.source();
    }
    text
}

fn written<T: Serialize>(word: &T) -> Result<Vec<u8>, SimError> {
    postcard::to_stdvec(word).map_err(|error| SimError::Serialise(error.to_string()))
}

fn read<T: DeserializeOwned>(said: &[u8]) -> Result<T, SimError> {
    postcard::from_bytes(said).map_err(|_| SimError::RanksApart)
}
