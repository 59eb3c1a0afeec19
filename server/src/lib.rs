//! The service: everything around `murmur_round`'s coordinator that touches the world.
//!
//! - [`store`] keeps the ledger, models and tasks, and who is enrolled, and is durable when it says so;
//! - [`identity`] certifies devices and says whose a request is;
//! - [`driver`] carries out what the coordinator asks for, in order, on one thread that owns it;
//! - [`service`](Server) answers devices over gRPC and lets nothing unchecked through;
//! - [`tasks`] has several tasks run side by side, each paid for by its population's ledger, as operators ask for them;
//! - [`Limits`] says what nobody gets more of;
//! - [`serve_tasks`] ties them together, and [`Server`] does for one task alone. Their caller owns the [`Door`], the entropy and the
//!   shutdown.
#![forbid(unsafe_code)]

mod admin;
mod connection;
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
mod metrics;
pub mod moment;
mod page;
pub mod releases;
mod roll;
pub mod rollback;
mod seen;
mod server;
mod service;
mod serving;
pub mod store;
pub mod tasks;

pub use admin::AdminDoor;
pub use door::Door;
pub use error::ServerError;
pub use limits::Limits;
pub use roll::call_roll;
pub use server::{Ending, Server, serve_enrolment};
pub use serving::serve_tasks;
