//! The protocol of a federated round, without sockets, clocks or threads.
//!
//! The coordinator in production and the simulator drive the very same [`Coordinator`](coordinator::Coordinator) and
//! [`Device`](device::Device); time, entropy and IO are handed in.
#![forbid(unsafe_code)]

pub mod adaptive_clip;
pub mod beginning;
pub mod checkpoint;
pub mod coordinator;
pub mod device;
pub mod device_id;
pub mod evaluation;
pub mod founding;
pub mod guarantee;
pub mod measure;
pub mod model;
pub mod optimizer;
pub mod params;
pub mod participation;
pub mod personal;
pub mod plan;
pub mod pretrained;
pub mod proximal;
pub mod rate;
mod shared_ledger;
pub mod task;
pub mod time;
pub mod trainer;

pub use shared_ledger::SharedLedger;
