//! Personal models: what a device makes of a released model, for itself alone.
//!
//! # Guarantee
//! All of it is post-processing on the device: it takes a model that was released and examples that never leave the device, and what comes out
//! stays there too. It changes nothing of what was promised to anybody and costs no budget. Whoever hands a personal model on releases its
//! owner's data, and nothing here pays for that.
//!
//! - [`fine_tuned`] goes on training all of the model;
//! - [`with_own_head`] trains its last dense layer alone and shares the rest with everybody;
//! - [`ditto`] goes on training all of it and is held by the model that everybody shares.
//!
//! Each follows a plan as a task has it, at its rate before any schedule.

mod ditto;
mod fine_tune;
mod head;
#[cfg(test)]
mod tests;

pub use ditto::ditto;
pub use fine_tune::fine_tuned;
pub use head::{head_of, with_own_head};

use murmur_round::params::{DimensionMismatch, Params};

/// The model that lies `difference` away from `global`.
fn moved(global: &Params, difference: &[f32]) -> Result<Params, DimensionMismatch> {
    let values = global.values().iter().zip(difference).map(|(value, change)| value + change).collect();
    Params::new(global.layout().clone(), values)
}
