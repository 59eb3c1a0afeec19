//! Local training: follows a task's plan on a device's own examples.

use chacha20::ChaCha20Rng;
use murmur_privacy::Delta;
use murmur_round::{
    measure::LocalMetrics,
    model::{ModelError, ModelSpec},
    params::{DimensionMismatch, Params},
    plan::{LocalPlan, PlanError, ShuffleSeed},
    trainer::Trainer,
};
use rand::{Rng, SeedableRng};
use thiserror::Error;

use crate::{
    data::{ExampleError, Examples},
    evaluation::{Evaluation, evaluate},
    models::Network,
};

/// Why a model cannot be trained or evaluated at all; never because of the values of inputs or parameters.
#[derive(Debug, Error, PartialEq)]
pub enum TrainError {
    /// The `[model]` section describes no model.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// The `[plan]` section cannot be followed.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The parameters are not this model's.
    #[error(transparent)]
    Params(#[from] DimensionMismatch),
    /// The examples do not fit the model.
    #[error(transparent)]
    Examples(#[from] ExampleError),
    /// A mean over nothing.
    #[error("there are no examples to evaluate the model on")]
    NothingToEvaluate,
}

/// Trains a built-in model with plain SGD on the mean cross-entropy.
///
/// One per thread: each call uses one core. Equal calls give equal bits, whatever was trained before; between machines
/// with different vector units the last bits may differ, because matrix products choose their kernels at run time.
pub struct BurnTrainer {
    model: ModelSpec,
    dimension: usize,
    order: Vec<usize>,
    /// Overwritten from device to device.
    network: Option<Network>,
    inputs: Vec<f32>,
    labels: Vec<u32>,
}

impl BurnTrainer {
    /// A trainer of `model`.
    ///
    /// # Errors
    /// [`TrainError::Model`] when the section describes no model.
    pub fn new(model: &ModelSpec) -> Result<Self, TrainError> {
        model.validate()?;
        let (model, dimension) = (model.clone(), model.layout().dimension());
        Ok(Self { model, dimension, order: Vec::new(), network: None, inputs: Vec::new(), labels: Vec::new() })
    }

    /// The model that this trainer trains.
    #[must_use]
    pub fn model(&self) -> &ModelSpec {
        &self.model
    }

    fn check(&self, params: &Params, examples: &Examples) -> Result<(), TrainError> {
        if params.dimension() != self.dimension {
            let (expected, found) = (self.dimension, params.dimension());
            return Err(DimensionMismatch { expected, found }.into());
        }
        Ok(examples.check(&self.model)?)
    }

    /// The order of one epoch: a Fisher-Yates shuffle of the order before it.
    fn shuffle(&mut self, chance: &mut ChaCha20Rng) {
        for last in (1..self.order.len()).rev() {
            // Bias below 2^-32 per example: the order need not be perfectly uniform, only fixed by the seed.
            let other = (u128::from(chance.next_u64()) * (last as u128 + 1)) >> 64;
            self.order.swap(last, other as usize);
        }
    }

    /// `local - global` after following `plan`; a [`Delta`] that can still be looked at.
    pub(crate) fn difference(
        &mut self,
        global: &Params,
        plan: &LocalPlan,
        data: &Examples,
        seed: ShuffleSeed,
    ) -> Result<Vec<f32>, TrainError> {
        plan.validate()?;
        self.check(global, data)?;
        if data.is_empty() {
            return Ok(vec![0.0; self.dimension]);
        }
        let mut network = self.network.take().unwrap_or_else(|| Network::new(&self.model));
        network.load(global);
        let mut chance = ChaCha20Rng::from_seed(seed.0);
        self.order.clear();
        self.order.extend(0..data.len());
        let batch_size = plan.batch_size as usize;
        for _ in 0..plan.epochs {
            self.shuffle(&mut chance);
            for batch in self.order.chunks(batch_size) {
                self.inputs.clear();
                self.labels.clear();
                for &index in batch {
                    self.inputs.extend_from_slice(data.input(index));
                    self.labels.push(data.labels()[index]);
                }
                network.step(&self.inputs, &self.labels, plan.learning_rate);
            }
        }
        let (mut values, mut rest) = (Vec::with_capacity(self.dimension), global.values());
        network.for_each_tensor(|tensor| {
            let (before, behind) = rest.split_at(tensor.len());
            values.extend(tensor.iter().zip(before).map(|(local, global)| local - global));
            rest = behind;
        });
        self.network = Some(network);
        Ok(values)
    }
}

impl Trainer for BurnTrainer {
    type Data = Examples;
    type Error = TrainError;

    fn train(
        &mut self,
        global: &Params,
        plan: &LocalPlan,
        data: &Examples,
        seed: ShuffleSeed,
    ) -> Result<Delta, TrainError> {
        Ok(Delta::new(self.difference(global, plan, data, seed)?))
    }

    fn measure(&mut self, model: &Params, data: &Examples) -> Result<Option<LocalMetrics>, TrainError> {
        if data.is_empty() {
            return Ok(None);
        }
        let Evaluation { loss, accuracy, .. } = evaluate(&self.model, model, data)?;
        Ok(Some(LocalMetrics { loss, accuracy }))
    }
}

#[cfg(test)]
mod tests;
