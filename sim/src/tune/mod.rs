//! What an epsilon costs in accuracy, and what to deploy: `murmur-sim tune`.
//!
//! A search tries settings at several noise levels, runs the best ones of each again with seeds that it has not seen, and recommends one
//! of them. Everything follows from the search's file: a search that was stopped, however it was, goes on to the same trials
//! and the same frontier, and none is run twice.

mod bayesian;
mod cost;
mod error;
mod file;
mod frontier;
mod plan;
mod scaled;
mod space;
mod stages;
mod store;
mod trial;
mod work;
mod written;

pub use cost::SearchCost;
pub use error::TuneError;
pub use file::{DataKind, Method, Recommend, Search, Simulate};
pub use frontier::{CONFIDENCE, Candidate, FrontierPoint};
pub use plan::Plan;
pub use space::{Between, Setting, Settings, Space, Values};
pub use trial::{About, Found, Point};
pub use work::{Hands, Shard, Watcher};
pub use written::{recommended_task, summary};

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
};

use stages::{Stages, Step};
use store::Store;
use work::Together;

/// A search that is over.
#[derive(Clone, Debug)]
pub struct Tuned {
    /// What was searched for.
    pub plan: Plan,
    /// The frontier, by epsilon.
    pub candidates: Vec<Candidate>,
    /// Which of them is recommended.
    pub recommended: usize,
    /// Why.
    pub why: String,
    /// What the search itself cost.
    pub cost: SearchCost,
    /// Every trial, in the order of the search.
    pub trials: Vec<Found>,
}

/// How far a search came.
#[derive(Clone, Debug)]
pub enum Ended {
    /// To its end.
    Done(Box<Tuned>),
    /// The other shards have to be run first.
    Incomplete {
        /// Trials that are over.
        finished: usize,
        /// Trials that are missing before anything else can begin.
        missing: usize,
    },
}

/// Carries a search out in `folder`, or goes on with the one that was begun there; trials of the same search that lie in `merged` count as
/// its own. Results appear in the folder when it is over.
///
/// # Guarantee
/// The trials, the frontier and the recommendation follow from `plan` alone: not from `hands`, nor from how often and when processes were
/// stopped. A trial that was finished is never run again, by however many processes that share the folder (on one file system with locks).
///
/// # Errors
/// [`TuneError`].
pub fn tune(
    plan: &Plan,
    folder: &Path,
    merged: &[PathBuf],
    hands: Hands<'_>,
    watcher: &dyn Watcher,
) -> Result<Ended, TuneError> {
    let store = Store::open(folder, plan)?;
    for other in merged {
        store.merge(other, plan)?;
    }
    let mut stages = Stages::new(plan)?;
    loop {
        match stages.next()? {
            Step::Run(trials) => {
                stages.announce(watcher);
                match work::run(&store, &trials, hands, watcher, stages.finished(), stages.all())? {
                    Together::All(found) => stages.take(&trials, &found),
                    Together::Missing(missing) => {
                        return Ok(Ended::Incomplete { finished: store.finished()?.len(), missing: missing.len() });
                    }
                }
            }
            Step::Done(candidates, trials) => {
                let tuned = match chosen(plan, candidates, trials) {
                    Ok(tuned) => tuned,
                    Err((wanted, candidates)) => {
                        written::frontier(&store, &candidates)?;
                        return Err(TuneError::NothingToRecommend { wanted, folder: store.folder().to_owned() });
                    }
                };
                written::all(&store, &tuned)?;
                return Ok(Ended::Done(Box::new(tuned)));
            }
        }
    }
}

/// Trials that are over in a search's folder.
///
/// # Errors
/// [`TuneError`] for a folder without a search, or a trial that cannot be read.
pub fn finished(folder: &Path) -> Result<usize, TuneError> {
    Ok(Store::find_search(folder)?.0.finished()?.len())
}

/// What a search that is over came to, from its folder alone: nothing is run, and no data are looked at.
///
/// # Errors
/// [`TuneError::NoSearch`] where there is none, [`TuneError::Unfinished`] where trials are missing, others for what cannot be read.
pub fn read(folder: &Path) -> Result<Tuned, TuneError> {
    let (store, plan) = Store::find_search(folder)?;
    let (deployed, simulated) = store.devices()?;
    let mut stages = Stages::over(&plan, deployed, simulated)?;
    loop {
        match stages.next()? {
            Step::Run(trials) => {
                let mut found = HashMap::new();
                for trial in &trials {
                    let over =
                        store.find(&trial.id)?.ok_or_else(|| TuneError::Unfinished { folder: folder.to_owned() })?;
                    found.insert(trial.id.clone(), over);
                }
                stages.take(&trials, &found);
            }
            Step::Done(candidates, trials) => {
                let nothing = |(wanted, _)| TuneError::NothingToRecommend { wanted, folder: folder.to_owned() };
                return chosen(&plan, candidates, trials).map_err(nothing);
            }
        }
    }
}

/// The search with its recommendation; what was asked for, where no candidate has it.
fn chosen(plan: &Plan, candidates: Vec<Candidate>, trials: Vec<Found>) -> Result<Tuned, (String, Vec<Candidate>)> {
    let cost = SearchCost::of(plan.data, trials.iter());
    match frontier::recommended(&candidates, plan.recommend) {
        Ok((recommended, why)) => Ok(Tuned { plan: plan.clone(), candidates, recommended, why, cost, trials }),
        Err(wanted) => Err((wanted, candidates)),
    }
}
