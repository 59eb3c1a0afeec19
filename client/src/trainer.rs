//! Local training: follows a task's plan on a device's own examples.

use std::ops::Range;

use murmur_privacy::Delta;
use murmur_round::{
    measure::LocalMetrics,
    model::{ModelError, ModelSpec},
    params::{DimensionMismatch, Params},
    plan::{LocalPlan, PlanError, ShuffleSeed},
    trainer::Trainer,
};
use thiserror::Error;

use crate::{
    data::{ExampleError, Examples},
    evaluation::{Evaluation, evaluate},
    models::{Batch, Network},
    order::Order,
    pull::Pull,
    sight::Sight,
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
    /// An app's own model, of which only the app knows the arithmetic.
    #[error(
        "model.kind is \"external\": only the app that brought the model can train or evaluate it, with a Trainer of its own"
    )]
    External,
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
    order: Order,
    sight: Sight,
    /// Overwritten from device to device.
    network: Option<Network>,
    pieces: Vec<Range<usize>>,
    batch: Batch,
    /// Parameters before and after a step, where more than examples pulls at them.
    before: Vec<f32>,
    after: Vec<f32>,
}

impl BurnTrainer {
    /// Kinds of models that it trains, as tasks name them.
    pub const MODEL_KINDS: &[&str] = &["linear", "mlp", "cnn", "gru"];

    /// A trainer of `model`.
    ///
    /// # Errors
    /// [`TrainError::Model`] when the section describes no model.
    pub fn new(model: &ModelSpec) -> Result<Self, TrainError> {
        built_in(model)?;
        let (model, dimension, sight) = (model.clone(), model.layout().dimension(), Sight::of(model));
        Ok(Self {
            model,
            dimension,
            order: Order::default(),
            sight,
            network: None,
            pieces: Vec::new(),
            batch: Batch::default(),
            before: Vec::new(),
            after: Vec::new(),
        })
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

    /// `local - global` after following `plan`; a [`Delta`] that can still be looked at.
    pub(crate) fn difference(
        &mut self,
        global: &Params,
        plan: &LocalPlan,
        data: &Examples,
        seed: ShuffleSeed,
    ) -> Result<Vec<f32>, TrainError> {
        self.difference_of(0..self.dimension, global, plan, data, seed)
    }

    /// The same, of a stretch of the parameters: all others stay as they are throughout.
    pub(crate) fn difference_of(
        &mut self,
        learning: Range<usize>,
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
        let (batch_size, pull) = (plan.batch_size as usize, Pull::of(plan));
        let some_stay = learning != (0..self.dimension);
        network.pieces(data, &mut self.pieces);
        let seen = self.sight.see(data.inputs());
        self.order.begin(self.pieces.len(), seed);
        for _ in 0..plan.epochs {
            for batch in self.order.epoch().chunks(batch_size) {
                self.batch.fill(seen, data.labels(), batch.iter().map(|piece| self.pieces[*piece].clone()));
                if pull.is_some() {
                    copy_out(&mut network, &mut self.before);
                }
                network.step(&self.batch, plan.learning_rate);
                if pull.is_none() && !some_stay {
                    continue;
                }
                copy_out(&mut network, &mut self.after);
                if let Some(pull) = &pull {
                    pull.complete(&mut self.after, &self.before, global.values());
                }
                let (start, end) = (learning.start, learning.end);
                self.after[..start].copy_from_slice(&global.values()[..start]);
                self.after[end..].copy_from_slice(&global.values()[end..]);
                network.load_values(&self.after);
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

/// All parameters, in layout order.
fn copy_out(network: &mut Network, into: &mut Vec<f32>) {
    into.clear();
    network.for_each_tensor(|tensor| into.extend_from_slice(tensor));
}

/// Checks that the section describes a model whose arithmetic is here.
pub(crate) fn built_in(model: &ModelSpec) -> Result<(), TrainError> {
    model.validate()?;
    if matches!(model, ModelSpec::External { .. }) { Err(TrainError::External) } else { Ok(()) }
}

#[cfg(test)]
mod tests;
