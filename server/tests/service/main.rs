//! The service from outside: strangers' messages, real processes, and `kill -9`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "all of this is tests")]

mod command_line;
mod dropped;
mod hostile;
mod identity;
mod killed;
mod operated;
mod page;
mod process;
mod room;
mod tasks;
mod traced;
mod zero_device;
