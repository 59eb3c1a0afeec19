//! The coordinator and the device as machines, driven by hand: no sockets, no clock, and a medium that can be crashed.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "all of this is tests")]

mod allocations;
mod blocks;
mod correlated;
mod crashes;
mod device;
mod evaluation;
mod local;
mod own;
mod phases;
mod reference;
mod sequences;
mod sharing;
mod tasks;
mod turns;
mod world;
