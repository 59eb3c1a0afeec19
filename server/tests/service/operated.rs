//! A server as an operator runs it: created, paused, killed and resumed, as processes.

mod fleet;
mod quickstart;
mod side_by_side;
