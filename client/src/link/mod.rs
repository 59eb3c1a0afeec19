//! Taking part in a coordinator's task over gRPC.
//!
//! [`enrol`] makes a device known to a coordinator and keeps its key and certificate in a [`State`]. After that
//! [`take_part`] drives `murmur_round`'s `Device`: it asks, fetches, trains, sends. Everything that comes in is checked
//! here (hashes, digests, lengths) or by the device itself (grid and clip). Nothing about the data is logged.

mod access;
mod address;
mod calls;
mod course;
mod enrol;
mod error;
mod key;
mod memory;
mod patience;
mod policy;
mod pretrained;
mod session;
mod state;

pub use access::Access;
pub use address::{Address, AddressError};
pub use course::Course;
pub use enrol::enrol;
pub use error::{CallError, EnrolError, LinkError, MemoryError, StateError};
pub use memory::LocalBudget;
pub use policy::{Policy, PolicyError, PolicyRefusal};
pub use session::{take_part, take_part_with};
pub use state::State;
