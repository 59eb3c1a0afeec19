//! The service: everything around `murmur_round`'s coordinator that touches the world.
//!
//! - [`store`] keeps the ledger, models and tasks, and who is enrolled, and is durable when it says so;
//! - [`identity`] certifies devices and says whose a request is;
//! - [`driver`] carries out what the coordinator asks for, in order, on one thread that owns it;
//! - [`service`](Server) answers devices over gRPC and lets nothing unchecked through;
//! - [`Limits`] says what nobody gets more of;
//! - [`Server`] ties them together. Its caller owns the [`Door`], the entropy and the shutdown.
//!
//! What is not here yet: an operators' port, more than one task.
#![forbid(unsafe_code)]

pub mod devices;
mod door;
pub mod driver;
mod error;
#[cfg(feature = "failpoints")]
pub mod failpoint;
#[cfg(not(feature = "failpoints"))]
mod failpoint;
pub mod identity;
mod limits;
pub mod moment;
mod roll;
mod server;
mod service;
pub mod store;

pub use door::Door;
pub use error::ServerError;
pub use limits::Limits;
pub use roll::call_roll;
pub use server::{Ending, Server, serve_enrolment};
