//! The wire: what travels between a device and its coordinator, and the only way from there to the domain.
//!
//! [`v1`] is generated from `murmur/v1/device.proto` and `murmur/v1/admin.proto`. Its messages are whatever a stranger sent; the conversions in the
//! other modules check every field, and a [`WireError`] names the one at fault.
#![forbid(unsafe_code)]

pub mod answer;
pub mod assignment;
pub mod chunk;
pub mod enrolment;
pub mod error;
pub mod reason;
pub mod upload;

pub use error::WireError;

/// Generated code: messages, and the halves of the service chosen by cargo features.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod v1 {
    tonic::include_proto!("murmur.v1");
}

/// What reflection answers from: both services with their comments, as an encoded `google.protobuf.FileDescriptorSet`.
#[cfg(feature = "server")]
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/murmur.v1.descriptors"));

/// Largest payload of one [`v1::Chunk`]: 1 MiB.
pub const CHUNK_LIMIT: usize = 1 << 20;

/// Largest message either side takes: a full chunk with its frame, or a task.
pub const MESSAGE_LIMIT: usize = CHUNK_LIMIT + (64 << 10);
