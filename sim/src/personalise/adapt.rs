//! Personal models of users, and how good they are.

use std::{
    num::NonZeroUsize,
    sync::atomic::{AtomicUsize, Ordering},
};

use murmur_client::{
    BurnTrainer, Examples,
    personal::{ditto, fine_tuned, with_own_head},
};
use murmur_privacy::Digest;
use murmur_round::{
    device_id::DeviceId,
    model::ModelSpec,
    params::Params,
    plan::{LocalPlan, ShuffleSeed},
};

use super::quality::Quality;
use crate::{SimError, population::Own};

/// What is compared, in the order of tables and pictures.
pub(super) const METHODS: [&str; 5] = ["shared model", "fine-tuned", "own head", "Ditto", ALONE];
/// The same training without the shared model, from where its task began: what users would have by themselves.
pub(super) const ALONE: &str = "alone";

/// How devices make a model their own.
#[derive(Clone, Debug)]
pub(super) struct Adaptation {
    pub(super) model: ModelSpec,
    pub(super) plan: LocalPlan,
    pub(super) lambda: f32,
    /// So many of a user's examples are trained on, where there are more.
    pub(super) examples: Option<usize>,
}

/// What became of one user's models.
pub(super) struct Row {
    pub(super) user: DeviceId,
    pub(super) held_out: bool,
    pub(super) train: usize,
    pub(super) test: usize,
    /// In the order of [`METHODS`].
    pub(super) qualities: [Quality; METHODS.len()],
}

impl Adaptation {
    /// The rows of all users in their order, whichever thread works on whom.
    pub(super) fn rows(
        &self,
        shared: &Params,
        own: &[Own],
        seed: u64,
        threads: NonZeroUsize,
    ) -> Result<Vec<Row>, SimError> {
        let next = AtomicUsize::new(0);
        let work = || -> Result<Vec<(usize, Row)>, SimError> {
            let mut trainer = BurnTrainer::new(&self.model)?;
            let mut rows = Vec::new();
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(own) = own.get(index) else { return Ok(rows) };
                rows.push((index, self.row(&mut trainer, shared, own, seed)?));
            }
        };
        let mut rows = std::thread::scope(|scope| {
            let working: Vec<_> = (0..threads.get().min(own.len())).map(|_| scope.spawn(work)).collect();
            let mut rows = Vec::new();
            for thread in working {
                rows.extend(thread.join().map_err(|_| SimError::Worker)??);
            }
            Ok::<_, SimError>(rows)
        })?;
        rows.sort_by_key(|(index, _)| *index);
        Ok(rows.into_iter().map(|(_, row)| row).collect())
    }

    fn row(&self, trainer: &mut BurnTrainer, shared: &Params, own: &Own, seed: u64) -> Result<Row, SimError> {
        let Self { model, plan, lambda, examples } = self;
        let few = few(&own.train, examples.unwrap_or(usize::MAX));
        let (train, order) = (&few, order(seed, &own.user));
        let quality = |params: &Params| Quality::of(model, params, &own.test);
        let qualities = [
            quality(shared)?,
            quality(&fine_tuned(trainer, shared, plan, train, order)?)?,
            quality(&with_own_head(trainer, shared, plan, train, order)?)?,
            quality(&ditto(trainer, shared, plan, *lambda, train, order)?)?,
            quality(&fine_tuned(trainer, &model.initial(), plan, train, order)?)?,
        ];
        let (user, held_out) = (own.user.clone(), own.held_out);
        Ok(Row { user, held_out, train: few.len(), test: own.test.len(), qualities })
    }
}

/// At most so many examples, spread evenly over the order in which they lie: where that is by label, over the labels too.
fn few(train: &Examples, most: usize) -> Examples {
    let count = train.len().min(most);
    train.select(&(0..count).map(|index| index * train.len() / count).collect::<Vec<_>>())
}

/// The order in which a user's examples are visited.
fn order(seed: u64, user: &DeviceId) -> ShuffleSeed {
    let label = [b"murmur personal v1".as_slice(), &seed.to_le_bytes(), user.as_str().as_bytes()].concat();
    ShuffleSeed(*Digest::of(&label).as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_few_examples_are_of_every_label() {
        let labels: Vec<u32> = (0..30).map(|index| index / 10).collect();
        let train = Examples::new([1; 3], (0_u8..30).map(f32::from).collect(), labels).unwrap();
        assert_eq!(few(&train, 6).inputs(), [0.0, 5.0, 10.0, 15.0, 20.0, 25.0]);
        assert_eq!((few(&train, 3).labels(), few(&train, 99)), (&[0, 1, 2][..], train.clone()));
        assert!(few(&train, 0).is_empty() && few(&train.slice(0..0), 5).is_empty());
    }
}
