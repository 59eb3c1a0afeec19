//! The service: everything around `murmur_round`'s coordinator that touches the world.
//!
//! - [`store`] keeps the ledger, models and tasks, and is durable when it says so;
//! - [`driver`] carries out what the coordinator asks for, in order, on one thread that owns it;
//! - [`service`](Server) answers devices over gRPC and lets nothing unchecked through;
//! - [`Server`] ties them together. Its caller owns the listener, the entropy and the shutdown.
//!
//! What is not here yet: who a device is (certificates), limits per device, an operators' port. Until then
//! the binary refuses to listen anywhere but on loopback.
#![forbid(unsafe_code)]

pub mod devices;
pub mod driver;
mod error;
mod server;
mod service;
pub mod store;

pub use error::ServerError;
pub use server::{Ending, Server};
