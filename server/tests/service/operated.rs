//! A server as an operator runs it: created, paused, killed and resumed, as processes.

mod evaluation;
pub(crate) mod fleet;
mod own;
mod pretrained;
mod programs;
mod quickstart;
mod rollback;
mod side_by_side;
