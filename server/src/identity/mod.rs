//! Who a device is, and how it proves that: a small certificate authority, one-time tokens, and certificates.
//!
//! Two authorities that know nothing of one another sign: one for devices and their listener, one for operators and theirs.
//! A certificate says who somebody is; whether it still counts is asked of the [`Registry`](crate::store::Registry) at every
//! request.

mod authority;
mod certificate;
mod error;
mod files;
mod registrar;
mod request;
#[cfg(test)]
mod tests;
mod token;

pub use error::{IdentityError, Refusal};
pub use files::{Files, ListenerIdentity, init};
pub use registrar::Registrar;
pub use token::Token;
