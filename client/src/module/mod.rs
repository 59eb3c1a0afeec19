//! Any burn module: an app says what its model is and what it loses on a batch, and [`ModuleTrainer`] does the rest.
//!
//! This is the general path: burn records the backward pass, and parameters are copied in and out as tensors. The built-in
//! models have one of their own ([`BurnTrainer`](crate::BurnTrainer)), which gives the same up to rounding.

mod parameters;
#[cfg(test)]
mod tests;

use burn::{
    module::Module,
    optim::{GradientsParams, SgdConfig},
    tensor::{Device, Tensor},
};
use murmur_privacy::Delta;
use murmur_round::{
    evaluation::EvaluationPlan,
    measure::LocalMetrics,
    model::{ExternalTensor, ModelSpec},
    params::{DimensionMismatch, Params},
    plan::{LocalPlan, PlanError, ShuffleSeed},
    trainer::Trainer,
};
use thiserror::Error;

use crate::{order::Order, pull::Pull, split::Places};
use parameters::{described, load, unload};

/// What an app says about a model of its own.
///
/// # Contract
/// Equal calls give equal results: nothing here depends on chance, time or what was trained before. (Of dropout and the like, keep
/// the state in the module's forward pass out of it.)
pub trait Learner {
    /// The model.
    type Model: Module;
    /// One device's local data.
    type Data: ?Sized;

    /// The model on this device; its values do not matter, they are overwritten.
    fn model(&self, device: &Device) -> Self::Model;

    /// How many examples there are.
    fn examples(&self, data: &Self::Data) -> usize;

    /// Mean loss of the model over these examples, each below [`examples`](Self::examples): one number.
    fn loss(&self, model: &Self::Model, data: &Self::Data, batch: &[usize], device: &Device) -> Tensor<1>;

    /// How well the model does on these examples, each below [`examples`](Self::examples): for tasks with metrics, and for those that only
    /// measure. Nothing where that is not known; then the device takes no part in the latter.
    fn measure(
        &self,
        model: &Self::Model,
        data: &Self::Data,
        examples: &[usize],
        device: &Device,
    ) -> Option<LocalMetrics> {
        let _ = (model, data, examples, device);
        None
    }
}

/// Why a module cannot be trained.
#[derive(Debug, Error, PartialEq)]
pub enum ModuleError {
    /// The parameters handed in are not this model's.
    #[error(transparent)]
    Params(#[from] DimensionMismatch),
    /// The `[plan]` section cannot be followed.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The task describes another model than the app has.
    #[error(
        "the task's model has {expected} tensors with {expected_parameters} parameters, and the app's has {found} with {found_parameters}"
    )]
    OtherModel {
        /// Tensors of the task.
        expected: usize,
        /// Parameters of the task.
        expected_parameters: usize,
        /// Tensors of the app's module.
        found: usize,
        /// Parameters of the app's module.
        found_parameters: usize,
    },
    /// The task measures, and the app does not.
    #[error(
        "the task only measures, and this app's Learner::measure knows no answer: write it, or take no part in such tasks"
    )]
    MeasuresNothing,
    /// A tensor could not be read back.
    #[error("tensor {name:?} of the module does not hold 32-bit floats")]
    Kind {
        /// Its name.
        name: String,
    },
}

/// The `[model]` section of a task that trains this module: its tensors by name and shape, each starting from what the module holds in
/// kind (all 0, all 1, or uniform up to the largest number in it).
///
/// # Errors
/// [`ModuleError::Kind`].
pub fn model_section<M: Module>(module: &M) -> Result<ModelSpec, ModuleError> {
    Ok(ModelSpec::External { tensors: described(module)?, input: None, classes: None })
}

/// Trains an app's module with plain SGD. One per thread; the module stays, and is overwritten from device to device.
pub struct ModuleTrainer<L: Learner> {
    learner: L,
    device: Device,
    module: Option<L::Model>,
    dimension: usize,
    order: Order,
}

impl<L: Learner> ModuleTrainer<L> {
    /// A trainer of the learner's model on the processor, for a task with this `[model]` section.
    ///
    /// # Errors
    /// [`ModuleError::OtherModel`] when the tensors of the task are not the module's, in order, by name and shape.
    pub fn new(learner: L, model: &ModelSpec) -> Result<Self, ModuleError> {
        let device = Device::flex().autodiff();
        let module = learner.model(&device);
        let found: Vec<ExternalTensor> = described(&module)?;
        let layout = model.layout();
        let same = |(found, expected): (&ExternalTensor, &murmur_round::params::ParameterShape)| {
            found.name == expected.name && found.shape == expected.shape
        };
        let all_same = layout.tensors().len() == found.len() && found.iter().zip(layout.tensors()).all(same);
        if !all_same {
            return Err(ModuleError::OtherModel {
                expected: layout.tensors().len(),
                expected_parameters: layout.dimension(),
                found: found.len(),
                found_parameters: found.iter().map(|tensor| tensor.shape.iter().product::<usize>()).sum(),
            });
        }
        Ok(Self { learner, device, module: Some(module), dimension: layout.dimension(), order: Order::default() })
    }

    fn loaded(&mut self, params: &Params) -> Result<L::Model, ModuleError> {
        if params.dimension() != self.dimension {
            return Err(DimensionMismatch { expected: self.dimension, found: params.dimension() }.into());
        }
        let module = self.module.take().unwrap_or_else(|| self.learner.model(&self.device));
        Ok(load(module, params.values(), &self.device))
    }
}

impl<L: Learner> Trainer for ModuleTrainer<L> {
    type Data = L::Data;
    type Error = ModuleError;

    fn train(
        &mut self,
        global: &Params,
        plan: &LocalPlan,
        data: &L::Data,
        seed: ShuffleSeed,
    ) -> Result<Delta, ModuleError> {
        let all: Vec<usize> = (0..self.learner.examples(data)).collect();
        let module = self.follow(global, plan, data, &all, seed)?;
        let local = unload(&module)?;
        self.module = Some(module);
        Ok(Delta::new(local.iter().zip(global.values()).map(|(local, global)| local - global).collect()))
    }

    fn measure(&mut self, model: &Params, data: &L::Data) -> Result<Option<LocalMetrics>, ModuleError> {
        let all: Vec<usize> = (0..self.learner.examples(data)).collect();
        if all.is_empty() {
            return Ok(None);
        }
        let module = self.loaded(model)?;
        let metrics = self.learner.measure(&module, data, &all, &self.device);
        self.module = Some(module);
        Ok(metrics)
    }

    fn evaluate(
        &mut self,
        model: &Params,
        plan: &EvaluationPlan,
        data: &L::Data,
        seed: ShuffleSeed,
    ) -> Result<Option<Vec<LocalMetrics>>, ModuleError> {
        let count = self.learner.examples(data);
        if count == 0 {
            return Ok(None);
        }
        let Places { rest, held_out } = Places::of(plan, count, seed, &mut self.order);
        let mut measured = Vec::with_capacity(plan.candidates.len());
        for candidate in &plan.candidates {
            let module = match &candidate.plan {
                None => self.loaded(model)?,
                Some(local) => self.follow(model, local, data, &rest, seed)?,
            };
            let metrics = self.learner.measure(&module, data, &held_out, &self.device);
            self.module = Some(module);
            measured.push(metrics.ok_or(ModuleError::MeasuresNothing)?);
        }
        Ok(Some(measured))
    }
}

impl<L: Learner> ModuleTrainer<L> {
    /// The module after following `plan` from `global` on the examples `among` all, in the order that `seed` fixes.
    fn follow(
        &mut self,
        global: &Params,
        plan: &LocalPlan,
        data: &L::Data,
        among: &[usize],
        seed: ShuffleSeed,
    ) -> Result<L::Model, ModuleError> {
        plan.validate()?;
        let mut module = self.loaded(global)?;
        self.order.begin(among.len(), seed);
        let pull = Pull::of(plan);
        for _ in 0..plan.epochs {
            for places in self.order.epoch().chunks(plan.batch_size as usize) {
                let batch: Vec<usize> = places.iter().map(|place| among[*place]).collect();
                let slopes = self.learner.loss(&module, data, &batch, &self.device).backward();
                let slopes = GradientsParams::from_grads(slopes, &module);
                let mut step = SgdConfig::new().init();
                let before = pull.is_some().then(|| unload(&module)).transpose()?;
                module = step.step(f64::from(plan.learning_rate), module, slopes);
                if let (Some(pull), Some(before)) = (&pull, before) {
                    let mut after = unload(&module)?;
                    pull.complete(&mut after, &before, global.values());
                    module = load(module, &after, &self.device);
                }
            }
        }
        Ok(module)
    }
}
