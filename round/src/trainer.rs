//! The one thing a device must bring: local training, and measuring.

use std::num::NonZeroUsize;

use murmur_privacy::Delta;

use crate::{
    evaluation::EvaluationPlan,
    measure::LocalMetrics,
    params::Params,
    plan::{LocalPlan, ShuffleSeed},
    pretrained::Adaptation,
};

/// Trains a model on one device's data.
///
/// # Contract
/// - parameters are those that the task trains: all of a model's, unless [`adapt`](Self::adapt) said otherwise;
/// - `train` returns `local - global`, one value per parameter, and depends only on its arguments: the same call gives
///   the same bits in any process, whatever was trained before. That is what makes a simulation of a task and the
///   deployed task agree to the byte.
/// - It does not clip, scale or round: the privacy crate does that after it and trusts nothing of the delta, not even
///   that it is finite.
/// - A device without examples returns the zero delta: whether it takes part must not depend on its data.
pub trait Trainer {
    /// One device's local data.
    type Data: ?Sized;
    /// Why training could not be done at all (a model of another shape, data that do not fit the model).
    type Error: std::error::Error + Send + Sync + 'static;

    /// From now on only a part of the model is trained: `global` is that part, and the adaptation makes the whole of it. False where the
    /// trainer cannot do that; it is asked before anything is trained, and only for tasks that train a part.
    fn adapt(&mut self, adaptation: Adaptation) -> bool {
        let _ = adaptation;
        false
    }

    /// Follows `plan` from `global` on `data`, visiting examples in the order that `seed` fixes.
    ///
    /// # Errors
    /// The trainer's own error when the data or the model do not fit; never because of the values in the data.
    fn train(
        &mut self,
        global: &Params,
        plan: &LocalPlan,
        data: &Self::Data,
        seed: ShuffleSeed,
    ) -> Result<Delta, Self::Error>;

    /// How many devices are best trained at once: one, but on an accelerator that is idle with one.
    fn together(&self) -> NonZeroUsize {
        NonZeroUsize::MIN
    }

    /// What [`train`](Self::train) returns for each of these devices, in their order. Trained at once they may differ from that in their last
    /// bits; then so does what a simulation comes to, by which devices are trained together.
    ///
    /// # Errors
    /// As for [`train`](Self::train), of any of them.
    fn train_together(
        &mut self,
        global: &Params,
        plan: &LocalPlan,
        devices: &[(&Self::Data, ShuffleSeed)],
    ) -> Result<Vec<Delta>, Self::Error> {
        devices.iter().map(|(data, seed)| self.train(global, plan, data, *seed)).collect()
    }

    /// How well `model` does on `data`; nothing where there are no examples. Asked for by tasks with metrics, before training.
    ///
    /// # Errors
    /// As for [`train`](Self::train).
    fn measure(&mut self, model: &Params, data: &Self::Data) -> Result<Option<LocalMetrics>, Self::Error>;

    /// How well each candidate of `plan` does, in their order; nothing where there are no examples. Asked for by tasks that only measure.
    ///
    /// # Contract
    /// - Of the examples, in an order that `seed` fixes, the last [`held`](EvaluationPlan::held) are held out. Every candidate is measured
    ///   on those, and one with a plan first trains `model` on the others, in the order that `seed` fixes; without any others the model stays
    ///   as it is.
    /// - What a candidate trained is forgotten with the call.
    /// - As for `train`, equal arguments give equal bits.
    ///
    /// # Errors
    /// As for [`train`](Self::train).
    fn evaluate(
        &mut self,
        model: &Params,
        plan: &EvaluationPlan,
        data: &Self::Data,
        seed: ShuffleSeed,
    ) -> Result<Option<Vec<LocalMetrics>>, Self::Error>;

    /// What a device does in a round of training: it measures the model it got, if the task asks for that, and trains it.
    ///
    /// # Errors
    /// As for [`train`](Self::train).
    fn work(
        &mut self,
        global: &Params,
        plan: &LocalPlan,
        data: &Self::Data,
        seed: ShuffleSeed,
        measure: bool,
    ) -> Result<(Delta, Option<LocalMetrics>), Self::Error> {
        let metrics = if measure { self.measure(global, data)? } else { None };
        Ok((self.train(global, plan, data, seed)?, metrics))
    }
}
