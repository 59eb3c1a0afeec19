//! The link to a coordinator over gRPC: drives the device machine of `murmur_round` with retries and back-off.
//!
//! Loopback only, until identity is built: nothing here proves who a device or a coordinator is.

mod calls;
mod error;
mod session;

pub use calls::Link;
pub use error::LinkError;
pub use session::{TakenPart, take_part};
