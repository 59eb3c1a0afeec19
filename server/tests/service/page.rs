//! The coordinator's page: what it is told, by whom it may be seen, and what a real browser makes of it.

mod averages;
mod browser;
mod relayed;
pub(crate) mod scene;
pub(crate) mod told;
