//! stub
mod hash;
pub use hash::TaskHash;
