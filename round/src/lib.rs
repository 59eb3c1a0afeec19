//! stub
#![forbid(unsafe_code)]
pub mod device_id;
pub mod model;
pub mod params;
pub mod plan;
pub mod task;
pub mod trainer;
