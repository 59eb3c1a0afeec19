//! stub
pub mod update;
pub use update::Delta;
