//! What a simulation tells while it runs.

use murmur_client::Evaluation;
use murmur_privacy::units::{Clip, Epsilon};
use murmur_round::{guarantee::Guarantee, measure::ReleasedMetrics, task::Schedule};

use super::own::OwnQuality;

/// Quality of one released model on data outside the population: post-processing, it costs nothing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Measurement {
    /// The round that released the model, from 0.
    pub round: u32,
    /// Epsilon spent by then.
    pub epsilon: Epsilon,
    /// Accuracy and loss. Where devices have layers of their own, with those that all of them begin with.
    pub evaluation: Evaluation,
    /// The same of the average of the released models, where the task asks for one.
    pub averaged: Option<Evaluation>,
    /// How good devices are with layers of their own, where they have such and hold examples apart.
    pub own: Option<OwnQuality>,
    /// The clip of the round that begins with this model.
    pub clip: Clip,
    /// What the round's devices said of the model before it, where the task asks them.
    pub metrics: Option<ReleasedMetrics>,
}

impl Measurement {
    /// What says how much was learnt: with layers of devices' own, where they have such.
    #[must_use]
    pub fn judged(&self) -> Evaluation {
        let with_own = |own: OwnQuality| Evaluation {
            loss: own.loss,
            accuracy: own.accuracy,
            examples: usize::try_from(own.examples).unwrap_or(usize::MAX),
        };
        self.own.map_or(self.evaluation, with_own)
    }
}

/// Somebody who watches a run. It sees what anybody may see.
pub trait Observer {
    /// The task is reserved; the first round is about to open.
    fn started(&mut self, schedule: &Schedule, guarantee: &Guarantee, stop_after: Option<u32>);
    /// A round was released, and perhaps measured.
    fn round(&mut self, round: u32, guarantee: &Guarantee, measured: Option<&Measurement>);
    /// Nothing more will happen.
    fn finished(&mut self);
}

/// Nobody watches.
pub struct Silent;

impl Observer for Silent {
    fn started(&mut self, _: &Schedule, _: &Guarantee, _: Option<u32>) {}

    fn round(&mut self, _: u32, _: &Guarantee, _: Option<&Measurement>) {}

    fn finished(&mut self) {}
}
