//! The end, as a person or a service manager asks for it.

use std::io;

/// Completes when the process is interrupted or told to end. From the moment this is called, neither ends it by itself.
pub(super) fn interruption() -> io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    let asked = {
        use tokio::signal::unix::{SignalKind, signal};
        let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
        async move {
            tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
        }
    };
    #[cfg(not(unix))]
    let asked = async {
        if tokio::signal::ctrl_c().await.is_err() {
            // No signal can ever come: the task's end ends the server.
            std::future::pending::<()>().await;
        }
    };
    Ok(asked)
}
