//! Tasks, as many as operators create, served to devices until the process is to end.

use std::time::Duration;

use tokio::sync::watch;

use crate::{
    AdminDoor, Door, ServerError,
    metrics::Metrics,
    seen::Seen,
    service::{Front, Refusals},
    store::Store,
    tasks::{Failure, Tasks},
};

/// Serves devices and operators until `shutdown` completes. Then no round is opened any more; those under way may end within
/// `patience`, while devices are still answered, and those that do not are given up in the ledger.
///
/// # Errors
/// [`ServerError`] when a store or the transport fails; nothing that was in flight is released.
pub async fn serve_tasks<S: Store>(
    door: Door,
    admin_door: AdminDoor,
    tasks: Tasks<S>,
    mut failure: Failure,
    patience: Duration,
    shutdown: impl Future<Output = ()>,
) -> Result<(), ServerError> {
    let board = tasks.board().clone();
    let refusals = Refusals::new(move || board.has_secret_cohorts());
    let front = Front::new(door.gate.clone(), tasks.offered().clone(), &door.limits, refusals.clone())?;
    let seen = Seen::new(tasks.clone(), refusals);
    let viewed = seen.clone();
    let metrics = Metrics::of(move || (viewed.tasks(), viewed.refusals().all()));
    let (end, ended) = watch::channel(false);
    let ending = |mut ended: watch::Receiver<bool>| async move {
        // An error means that this function returned: that is an end too.
        let _ = ended.wait_for(|ended| *ended).await;
    };
    let (at_devices, at_operators) = (ending(ended.clone()), ending(ended.clone()));
    let devices = async {
        let served = door.serve(front, at_devices).await;
        let _ = end.send(true);
        served
    };
    let operators = async {
        let served = admin_door.serve(seen, metrics, at_operators).await;
        let _ = end.send(true);
        served
    };
    let course = async {
        let result = tokio::select! {
            error = failure.first() => Err(error),
            // A listener failed.
            () = ending(ended) => Ok(()),
            () = shutdown => {
                tasks.stop(patience).await;
                // Whatever a thread met with while it ended is there by now.
                failure.found()
            }
        };
        let _ = end.send(true);
        result
    };
    let (served, operated, ran) = tokio::join!(devices, operators, course);
    ran.and(served).and(operated)
}
