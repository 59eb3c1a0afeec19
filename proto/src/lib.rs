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
pub mod transfer;
pub mod upload;
pub mod version;

pub use error::WireError;

/// Generated code: messages, and the halves of the service chosen by cargo features.
#[allow(missing_docs, unreachable_pub, clippy::all, clippy::pedantic)]
pub mod v1 {
    tonic::include_proto!("murmur.v1");
}

/// What reflection answers from: both services with their comments, as an encoded `google.protobuf.FileDescriptorSet`.
#[cfg(feature = "server")]
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/murmur.v1.descriptors"));

/// Largest payload of one [`v1::Chunk`], and the one that whole pieces are cut to: 512 KiB.
pub const CHUNK_LIMIT: usize = 512 << 10;

/// Largest message that devices and operators take, and that operators send, 1 MiB: a task, or a full chunk with its frame.
pub const MESSAGE_LIMIT: usize = 1 << 20;

/// Largest message that a coordinator takes of a device, 576 KiB: a full chunk with its frame, and room for what later versions add. What is
/// kept of an update lies in memory of the size of its messages, so they are little larger than what counts in them.
pub const DEVICE_MESSAGE_LIMIT: usize = CHUNK_LIMIT + (64 << 10);
