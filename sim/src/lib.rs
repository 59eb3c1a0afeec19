//! The world: many virtual devices around the same coordinator that runs in production.
//!
//! A [`Scenario`](scenario::Scenario) is a task plus a population of virtual devices plus a seed. [`run`](run::run) drives
//! `murmur_round`'s coordinator and device machines through virtual time; nothing of the protocol is written again here.
//! The noise is seeded, so every claim that a simulation prints is marked as simulated.
#![deny(unsafe_code)]

pub mod bench;
pub mod budget;
pub mod chart;
pub mod check;
pub mod describe;
pub mod error;
pub mod evaluate;
pub mod explain;
pub mod folder;
pub mod mechanism;
pub mod output;
pub mod personalise;
pub mod population;
pub mod ranks;
pub mod report;
pub mod run;
pub mod scenario;
pub mod tune;

pub use error::SimError;
