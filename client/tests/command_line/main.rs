//! `murmur-client` as a process: its mistakes by name, and its part in a real task.
#![cfg(feature = "grpc")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "all of this is tests")]

mod certified;
mod coordinator;
mod enrolment;
mod local;
mod mistakes;
mod own;
mod policy;
mod pretrained;
mod process;
mod task;
