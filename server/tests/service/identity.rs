//! Who is who: from a token to a finished task over mutual TLS, and everybody who pretends.

mod door;
mod enrolled;
mod hostile;
pub(crate) mod house;
mod requests;
mod slow;
