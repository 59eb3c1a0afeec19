//! The path of one update. It changes type at every step, and there is no way back:
//! [`Delta`] -> [`Bounded`] -> [`Upload`] -> [`Sum`] -> [`Release`] -> [`Average`].

mod average;
mod bounded;
mod incoming;
#[cfg(feature = "seeded")]
mod partial;
mod release;
mod sum;
mod upload;

pub use average::{Average, OtherGrid};
pub use bounded::{Bounded, Delta};
pub use incoming::Incoming;
#[cfg(feature = "seeded")]
pub use partial::Partial;
pub use release::{Release, ReleaseError};
pub use sum::{GridMismatch, Sum};
pub use upload::{Plain, Seal, Upload, UploadError};
