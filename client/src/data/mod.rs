//! Labelled examples and where they come from.

mod examples;

pub use self::examples::{ExampleError, Examples};
