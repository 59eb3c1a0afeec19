//! The device: its data, its models, its local training.
//!
//! - [`data`] loads labelled examples (IDX files, LEAF json, tables), text and recordings, and keeps natural users apart;
//! - [`strokes`] makes a population of handwriting devices out of a seed, [`app_usage`] one of people with telephones; [`drawn`] is either;
//! - [`trainer`] trains a built-in model on one device's examples, behind `murmur_round`'s `Trainer`;
//! - [`cohort`] trains many devices' copies of a model at once on an accelerator, for simulations;
//! - [`module`] trains any burn module, through what an app says about it;
//! - [`evaluation`] measures a model on examples outside the population, [`calibration`] whether it is right as often as it says,
//!   [`ranking`] how high the right answer stands;
//! - [`personal`] makes of a released model one of the device's own, which nobody else ever sees;
//! - [`predictor`] puts to use what was trained;
//! - [`ceiling`] measures what the machine could do at its best;
//! - `link` (feature `grpc`) takes part in a coordinator's task over the network.
#![deny(unsafe_code)]

mod adapted;
pub mod app_usage;
pub mod calibration;
pub mod ceiling;
mod chance;
pub mod cohort;
pub mod data;
pub mod drawn;
pub mod evaluation;
#[cfg(feature = "grpc")]
pub mod link;
mod models;
pub mod module;
mod order;
pub mod personal;
pub mod predictor;
mod pull;
pub mod ranking;
mod sight;
mod split;
pub mod strokes;
pub mod trainer;

pub use self::{
    cohort::{Accelerator, AcceleratorError, CohortTrainer},
    data::{Dataset, Examples},
    drawn::Drawn,
    evaluation::{Evaluation, Examination, answers, evaluate, examine},
    module::{Learner, ModuleTrainer},
    predictor::Predictor,
    trainer::{BurnTrainer, TrainError},
};
