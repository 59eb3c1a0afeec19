//! How often devices and strangers were refused, by reason: counted where a status leaves, and never a count of a round.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use murmur_proto::v1::ErrorReason;
use tonic::Status;
use tonic_types::StatusExt;

use crate::moment::Moment;

/// Counts of refusals since the server began. A clone is another handle on the same ones.
///
/// # Guarantee
/// Where the cohorts of a task are secret, or were, nothing is counted but what strangers, and devices too old for any work, are
/// refused: what a device of a cohort is refused, be it late, would tell that it was in one. What was not counted cannot be shown either.
#[derive(Clone)]
pub(crate) struct Refusals(Arc<Inner>);

struct Inner {
    has_secret_cohorts: Box<dyn Fn() -> bool + Send + Sync>,
    since: Moment,
    counts: Mutex<BTreeMap<&'static str, u64>>,
}

impl Refusals {
    /// For a server that knows whether any task it ever worked on has secret cohorts.
    pub(crate) fn new(has_secret_cohorts: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        let has_secret_cohorts = Box::new(has_secret_cohorts);
        Self(Arc::new(Inner { has_secret_cohorts, since: Moment::now(), counts: Mutex::default() }))
    }

    /// Counts what a status says, if it may be counted.
    pub(super) fn count(&self, status: &Status) {
        let label = status.get_details_error_info().map(|info| info.reason).unwrap_or_default();
        let Some(reason) = ErrorReason::from_str_name(&format!("ERROR_REASON_{label}")) else { return };
        if meets_strangers_alone(reason) || !self.leaves_devices_out() {
            let mut counts = self.counts();
            let count = counts.entry(reason.label()).or_default();
            *count = count.saturating_add(1);
        }
    }

    /// Whether only strangers are counted.
    pub(crate) fn leaves_devices_out(&self) -> bool {
        (self.0.has_secret_cohorts)()
    }

    /// Since when it counts.
    pub(crate) fn since(&self) -> Moment {
        self.0.since
    }

    /// The counts by reason.
    pub(crate) fn all(&self) -> BTreeMap<&'static str, u64> {
        self.counts().clone()
    }

    fn counts(&self) -> MutexGuard<'_, BTreeMap<&'static str, u64>> {
        self.0.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whoever is refused so is no device, or shows nothing under which a device could have been given work.
fn meets_strangers_alone(reason: ErrorReason) -> bool {
    matches!(
        reason,
        ErrorReason::NoCertificate
            | ErrorReason::NotADevice
            | ErrorReason::UnknownToken
            | ErrorReason::TokenExpired
            | ErrorReason::TokenUsed
            | ErrorReason::NotGrpc
            | ErrorReason::DeviceTooOld
    )
}
