//! Local training: follows a task's plan on a device's own examples.

use std::ops::Range;

use murmur_privacy::Delta;
use murmur_round::{
    evaluation::EvaluationPlan,
    measure::LocalMetrics,
    model::{ModelError, ModelSpec},
    params::{DimensionMismatch, Params},
    plan::{LocalPlan, PlanError, ShuffleSeed},
    pretrained::Adaptation,
    trainer::Trainer,
};
use thiserror::Error;

use crate::{
    adapted::Adapted,
    cohort::AcceleratorError,
    data::{ExampleError, Examples},
    evaluation::{Evaluation, evaluate},
    models::{Batch, Network},
    order::Order,
    pull::Pull,
    sight::Sight,
    split::Split,
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
    /// An accelerator that cannot be used, or not for this model.
    #[error(transparent)]
    Accelerator(#[from] AcceleratorError),
}

/// Trains a built-in model, or a part of one, with plain SGD on the mean cross-entropy.
///
/// One per thread: each call uses one core. Equal calls give equal bits, whatever was trained before; between machines
/// with different vector units the last bits may differ, because matrix products choose their kernels at run time.
pub struct BurnTrainer {
    model: ModelSpec,
    /// Parameters that are trained: all, unless `adapted` says which.
    dimension: usize,
    adapted: Option<Adapted>,
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
    pub const MODEL_KINDS: &[&str] = &["linear", "mlp", "cnn", "gru", "transformer"];

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
            adapted: None,
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

    pub(crate) fn check(&self, params: &Params, examples: &Examples) -> Result<(), TrainError> {
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

    /// The same, of a stretch of the parameters: all others stay as they are throughout. Of a trainer that was told to train a part of a
    /// model only, that part is trained whole.
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
        let values = match self.adapted.take() {
            Some(mut adapted) => {
                let values = self.difference_of_part(&mut network, &mut adapted, global, plan, data, seed);
                self.adapted = Some(adapted);
                values
            }
            None => self.difference_of_all(&mut network, &learning, global, plan, data, seed),
        };
        self.network = Some(network);
        Ok(values)
    }

    fn difference_of_all(
        &mut self,
        network: &mut Network,
        learning: &Range<usize>,
        global: &Params,
        plan: &LocalPlan,
        data: &Examples,
        seed: ShuffleSeed,
    ) -> Vec<f32> {
        let (pull, some_stay) = (Pull::of(plan), *learning != (0..self.dimension));
        if pull.is_none() && !some_stay {
            self.order.begin(data.len(), seed);
            let seen = (self.sight.see(data.inputs()), data.labels());
            if let Some(values) = network.difference(global.values(), seen, plan, &mut self.order) {
                return values;
            }
        }
        network.load(global);
        let (mut before, mut after) = (std::mem::take(&mut self.before), std::mem::take(&mut self.after));
        self.follow(network, plan, data, seed, |network, batch| {
            if pull.is_some() {
                copy_out(network, &mut before);
            }
            network.step(batch, plan.learning_rate);
            if pull.is_none() && !some_stay {
                return;
            }
            copy_out(network, &mut after);
            if let Some(pull) = &pull {
                pull.complete(&mut after, &before, global.values());
            }
            let (start, end) = (learning.start, learning.end);
            after[..start].copy_from_slice(&global.values()[..start]);
            after[end..].copy_from_slice(&global.values()[end..]);
            network.load_values(&after);
        });
        (self.before, self.after) = (before, after);
        let (mut values, mut rest) = (Vec::with_capacity(self.dimension), global.values());
        network.for_each_tensor(|tensor| {
            let (before, behind) = rest.split_at(tensor.len());
            values.extend(tensor.iter().zip(before).map(|(local, global)| local - global));
            rest = behind;
        });
        values
    }

    fn difference_of_part(
        &mut self,
        network: &mut Network,
        adapted: &mut Adapted,
        global: &Params,
        plan: &LocalPlan,
        data: &Examples,
        seed: ShuffleSeed,
    ) -> Vec<f32> {
        let pull = Pull::of(plan);
        let (mut before, mut local) = (std::mem::take(&mut self.before), global.values().to_vec());
        self.follow(network, plan, data, seed, |network, batch| {
            before.clear();
            before.extend_from_slice(&local);
            adapted.step(network, batch, plan.learning_rate, &mut local);
            if let Some(pull) = &pull {
                pull.complete(&mut local, &before, global.values());
            }
        });
        self.before = before;
        local.iter_mut().zip(global.values()).for_each(|(local, global)| *local -= global);
        local
    }

    /// Takes one step after the other, as the plan has them.
    fn follow(
        &mut self,
        network: &mut Network,
        plan: &LocalPlan,
        data: &Examples,
        seed: ShuffleSeed,
        mut step: impl FnMut(&mut Network, &Batch),
    ) {
        network.pieces(data, &mut self.pieces);
        let seen = self.sight.see(data.inputs());
        self.order.begin(self.pieces.len(), seed);
        for _ in 0..plan.epochs {
            for batch in self.order.epoch().chunks(plan.batch_size as usize) {
                self.batch.fill(seen, data.labels(), batch.iter().map(|piece| self.pieces[*piece].clone()));
                step(network, &self.batch);
            }
        }
    }
}

impl Trainer for BurnTrainer {
    type Data = Examples;
    type Error = TrainError;

    fn adapt(&mut self, adaptation: Adaptation) -> bool {
        self.dimension = adaptation.trained_layout().dimension();
        self.adapted = Some(Adapted::new(adaptation));
        true
    }

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
        let Evaluation { loss, accuracy, .. } = match &self.adapted {
            Some(adapted) => evaluate(&self.model, &adapted.adaptation().whole(model)?, data)?,
            None => evaluate(&self.model, model, data)?,
        };
        Ok(Some(LocalMetrics { loss, accuracy }))
    }

    fn evaluate(
        &mut self,
        model: &Params,
        plan: &EvaluationPlan,
        data: &Examples,
        seed: ShuffleSeed,
    ) -> Result<Option<Vec<LocalMetrics>>, TrainError> {
        self.check(model, data)?;
        if data.is_empty() {
            return Ok(None);
        }
        let Split { rest, held_out } = Split::of(plan, data, seed, &mut self.order)?;
        let mut measured = Vec::with_capacity(plan.candidates.len());
        for candidate in &plan.candidates {
            let metrics = match &candidate.plan {
                None => self.measure(model, &held_out)?,
                Some(local) => {
                    let difference = self.difference(model, local, &rest, seed)?;
                    let mut own = model.clone();
                    own.values_mut().iter_mut().zip(difference).for_each(|(value, change)| *value += change);
                    self.measure(&own, &held_out)?
                }
            };
            measured.extend(metrics);
        }
        Ok(Some(measured))
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
