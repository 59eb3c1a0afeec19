//! Ctrl-C, and what schedulers send before they kill.

use std::{
    io,
    sync::{Arc, LazyLock, atomic::AtomicBool},
};

use signal_hook::{
    consts::{SIGINT, SIGTERM},
    flag,
};

use super::INTERRUPTED;

static ASKED: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// What is set when somebody asks the program to stop; who asks twice is obeyed at once.
///
/// # Errors
/// What the system says.
pub(super) fn heard() -> io::Result<&'static AtomicBool> {
    for signal in [SIGINT, SIGTERM] {
        // In this order: the first of them only looks, and finds nothing the first time.
        flag::register_conditional_shutdown(signal, INTERRUPTED.into(), ASKED.clone())?;
        flag::register(signal, ASKED.clone())?;
    }
    Ok(&ASKED)
}
