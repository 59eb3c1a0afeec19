//! `murmur-sim` as a person or a script meets it: a process, its exit code, its two streams and its files.
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "all of this is tests")]

mod audit;
mod bench;
mod budget;
mod candidates;
mod check;
mod compare;
mod correlated;
mod data;
mod explain;
mod interrupted;
mod json;
mod language;
mod local;
mod mechanism;
mod metrics;
mod own;
mod personal;
mod plan;
mod pretrained;
mod pricing;
mod report;
mod results;
mod resumed;
mod tables;
mod terminal;
mod tune;
mod world;
