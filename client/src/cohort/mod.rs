//! Many devices at once on an accelerator: their copies of the model lie one behind the other, and each operation is one for all of them.
//!
//! This is for simulations: a graphics processor is idle with one small model. Each device's examples, order and steps are those of
//! [`BurnTrainer`], up to rounding: burn chooses its kernels by the hardware, so equal calls give equal bits on none but the same hardware, if
//! there.

mod accelerator;
mod stack;
#[cfg(test)]
mod tests;

use std::num::NonZeroUsize;

use burn::tensor::Device;
use murmur_privacy::Delta;
use murmur_round::{
    evaluation::EvaluationPlan,
    measure::LocalMetrics,
    model::ModelSpec,
    params::{Layout, Params},
    plan::{LocalPlan, ShuffleSeed},
    trainer::Trainer,
};

use crate::{
    data::Examples,
    order::Order,
    sight::Sight,
    trainer::{BurnTrainer, TrainError},
};
pub use accelerator::{Accelerator, AcceleratorError};
use stack::{Stack, Step};

/// Devices that are trained at once, at most. A guess at what keeps a graphics processor busy and fits into its memory: none was at hand.
const TOGETHER: NonZeroUsize = NonZeroUsize::new(128).unwrap();

/// Trains `linear`, `mlp` and `cnn` for many devices at once by plain SGD, with what the plan adds to it. It measures on the processor.
pub struct CohortTrainer {
    alone: BurnTrainer,
    layout: Layout,
    device: Device,
    order: Order,
    sight: Sight,
}

/// A device's way through its examples.
struct Course {
    /// As the model sees them.
    seen: Vec<f32>,
    labels: Vec<u32>,
    /// Step after step.
    batches: Vec<Vec<usize>>,
}

impl CohortTrainer {
    /// A trainer of `model` on an accelerator, which is tried first.
    ///
    /// # Errors
    /// [`TrainError::Model`]; [`TrainError::Accelerator`] for a model of another kind, or an accelerator that is not there.
    pub fn new(model: &ModelSpec, accelerator: Accelerator) -> Result<Self, TrainError> {
        let alone = BurnTrainer::new(model)?;
        if !matches!(model, ModelSpec::Linear { .. } | ModelSpec::Mlp { .. } | ModelSpec::Cnn { .. }) {
            return Err(AcceleratorError::Kind { kind: model.kind() }.into());
        }
        let (device, order, sight) = (accelerator.open()?, Order::default(), Sight::of(model));
        Ok(Self { alone, layout: model.layout(), device, order, sight })
    }

    /// `local - global` of each device; deltas that can still be looked at.
    fn differences(
        &mut self,
        global: &Params,
        plan: &LocalPlan,
        devices: &[(&Examples, ShuffleSeed)],
    ) -> Result<Vec<Vec<f32>>, TrainError> {
        plan.validate()?;
        devices.iter().try_for_each(|(examples, _)| self.alone.check(global, examples))?;
        let courses: Vec<Course> = devices.iter().map(|(examples, seed)| self.course(plan, examples, *seed)).collect();
        let model = self.alone.model();
        let (classes, width) = (model.classes().unwrap_or(0), model.seen().unwrap_or_default().iter().product());
        let mut stack = Stack::new(model, &self.layout, global.values(), courses.len(), &self.device);
        for number in 0..courses.iter().map(|course| course.batches.len()).max().unwrap_or(0) {
            stack.step(step(&courses, number, classes, width), plan, &self.device)?;
        }
        Ok(stack.moved()?)
    }

    fn course(&mut self, plan: &LocalPlan, examples: &Examples, seed: ShuffleSeed) -> Course {
        self.order.begin(examples.len(), seed);
        let mut batches = Vec::new();
        for _ in 0..plan.epochs {
            batches.extend(self.order.epoch().chunks(plan.batch_size as usize).map(<[usize]>::to_vec));
        }
        Course { seen: self.sight.see(examples.inputs()).to_vec(), labels: examples.labels().to_vec(), batches }
    }
}

/// What devices do in their step of this number.
fn step(courses: &[Course], number: usize, classes: usize, width: usize) -> Step {
    let batches = || courses.iter().map(|course| course.batches.get(number).map_or(&[][..], Vec::as_slice));
    let examples = batches().map(<[usize]>::len).max().unwrap_or(0);
    let (mut inputs, mut weights) = (Vec::new(), Vec::new());
    let active = batches().map(|batch| if batch.is_empty() { 0.0 } else { 1.0 }).collect();
    for ((device, course), batch) in (1..).zip(courses).zip(batches()) {
        for example in batch {
            inputs.extend_from_slice(&course.seen[example * width..][..width]);
            let start = weights.len();
            weights.resize(start + classes, 0.0);
            weights[start + course.labels[*example] as usize] = 1.0 / batch.len() as f32;
        }
        inputs.resize(device * examples * width, 0.0);
        weights.resize(device * examples * classes, 0.0);
    }
    Step { inputs, weights, active, examples, classes }
}

impl Trainer for CohortTrainer {
    type Data = Examples;
    type Error = TrainError;

    fn train(
        &mut self,
        global: &Params,
        plan: &LocalPlan,
        data: &Examples,
        seed: ShuffleSeed,
    ) -> Result<Delta, TrainError> {
        // One device, one update.
        let mut differences = self.differences(global, plan, &[(data, seed)])?;
        Ok(Delta::new(differences.pop().unwrap_or_default()))
    }

    fn together(&self) -> NonZeroUsize {
        TOGETHER
    }

    fn train_together(
        &mut self,
        global: &Params,
        plan: &LocalPlan,
        devices: &[(&Examples, ShuffleSeed)],
    ) -> Result<Vec<Delta>, TrainError> {
        Ok(self.differences(global, plan, devices)?.into_iter().map(Delta::new).collect())
    }

    fn measure(&mut self, model: &Params, data: &Examples) -> Result<Option<LocalMetrics>, TrainError> {
        self.alone.measure(model, data)
    }

    fn evaluate(
        &mut self,
        model: &Params,
        plan: &EvaluationPlan,
        data: &Examples,
        seed: ShuffleSeed,
    ) -> Result<Option<Vec<LocalMetrics>>, TrainError> {
        self.alone.evaluate(model, plan, data, seed)
    }
}
