//! Taking part in a coordinator's task over gRPC.
//!
//! [`take_part`] drives `murmur_round`'s `Device`: it asks, fetches, trains, sends. Everything that comes in is checked
//! here (hashes, digests, lengths) or by the device itself (grid and clip). Nothing about the data is logged.

mod address;
mod calls;
mod error;
mod patience;
mod session;

pub use address::{Address, AddressError};
pub use error::{CallError, LinkError};
pub use session::take_part;
