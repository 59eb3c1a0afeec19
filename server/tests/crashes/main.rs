//! Real processes that die at every named point, and at random: what is counted, spent and released stands afterwards.
//!
//! `cargo test -p murmur-server --features failpoints --test crashes`; ten kills at random, or `MURMUR_RANDOM_KILLS` of them.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "all of this is tests")]

mod audit;
mod enrolment;
mod fleet;
#[path = "../service/identity/house.rs"]
#[allow(dead_code, reason = "shared with the service's tests")]
mod house;
mod points;
#[path = "../service/process.rs"]
#[allow(dead_code, reason = "shared with the service's tests")]
mod process;
mod random;
mod trial;
#[path = "../service/zero_device.rs"]
#[allow(dead_code, reason = "shared with the service's tests")]
mod zero_device;
