//! The device: its data, its models, its local training.
//!
//! - [`data`] loads labelled examples (IDX files, LEAF json, tables), text and recordings, and keeps natural users apart;
//! - [`strokes`] makes a population of handwriting devices out of a seed;
//! - [`trainer`] trains a built-in model on one device's examples, behind `murmur_round`'s `Trainer`;
//! - [`module`] trains any burn module, through what an app says about it;
//! - [`evaluation`] measures a model on examples outside the population, [`calibration`] whether it is right as often as it says;
//! - [`personal`] makes of a released model one of the device's own, which nobody else ever sees;
//! - [`predictor`] puts to use what was trained;
//! - [`ceiling`] measures what the machine could do at its best;
//! - `link` (feature `grpc`) takes part in a coordinator's task over the network.
#![deny(unsafe_code)]

pub mod calibration;
pub mod ceiling;
pub mod data;
pub mod evaluation;
#[cfg(feature = "grpc")]
pub mod link;
mod models;
pub mod module;
mod order;
pub mod personal;
pub mod predictor;
mod pull;
mod sight;
pub mod strokes;
pub mod trainer;

pub use self::{
    data::{Dataset, Examples},
    evaluation::{Evaluation, answers, calibrate, evaluate},
    module::{Learner, ModuleTrainer},
    predictor::Predictor,
    trainer::{BurnTrainer, TrainError},
};
