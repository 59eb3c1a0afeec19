//! A device's own budget, for tasks whose devices randomise their updates themselves.

use murmur_privacy::{
    Delta, Encoding, NoiseRng, Upload,
    local::{
        LocalRandomiser,
        ledger::{LocalEntry, LocalLedger, LocalLedgerError, Permit},
    },
    {Plain, Seal},
};

use super::DeviceError;
use crate::{coordinator::Assignment, task::Task};

/// What a device randomises with, and what it may spend on that in its whole life.
#[derive(Debug)]
pub struct LocalPrivacy {
    /// All its entries so far are durable.
    pub ledger: LocalLedger,
    /// Of the same provenance as the ledger.
    pub entropy: NoiseRng,
}

/// What was randomised and sealed for one round, and is being made durable together with its charge.
pub(super) struct Sealed {
    pub(super) upload: Upload,
    pub(super) bytes: Vec<u8>,
    pub(super) entry: LocalEntry,
}

impl LocalPrivacy {
    /// Randomises, encodes and seals an update, and charges it (architecture.md 3.8).
    pub(super) fn seal(
        &mut self,
        assignment: &Assignment,
        encoding: &Encoding,
        randomiser: &dyn LocalRandomiser,
        delta: &Delta,
    ) -> Result<Sealed, LocalLedgerError> {
        let provenance = self.entropy.provenance();
        let randomised = randomiser.randomise(delta, &mut self.entropy);
        let upload = Plain.seal(encoding.encode(&randomised, &[]));
        let bytes = upload.to_bytes();
        let (task, round) = (assignment.task, assignment.round);
        let entry = self.ledger.charge(task, round, randomiser.guarantee(), provenance, &bytes)?;
        Ok(Sealed { upload, bytes, entry })
    }

    /// Whether the round was charged before: then its sealed bytes are sent, and nothing else ever is.
    pub(super) fn is_charged(&self, assignment: &Assignment) -> bool {
        self.ledger.charged(assignment.task, assignment.round).is_some()
    }

    /// The permit to send what was sealed, now that it is durable.
    pub(super) fn permit(&mut self, entry: u64, sealed: &Sealed) -> Option<Permit> {
        if sealed.entry.index != entry {
            return None;
        }
        let permit = self.ledger.persisted(entry).ok()??;
        permit.covers(&sealed.bytes).then_some(permit)
    }

    /// The upload that was sealed for this round before, if these are its bytes.
    pub(super) fn recalled(&self, assignment: &Assignment, encoding: &Encoding, bytes: &[u8]) -> Option<Upload> {
        self.ledger.resend(assignment.task, assignment.round, bytes).ok()?;
        Upload::from_plain_bytes(encoding, bytes).ok()
    }
}

/// The device's own look at what a task would have it randomise, before it fetches or trains anything.
pub(super) fn admit(task: &Task, assignment: &Assignment, local: Option<&LocalPrivacy>) -> Result<(), DeviceError> {
    let Some(randomiser) = task.randomiser(assignment.round).map_err(DeviceError::Encoding)? else { return Ok(()) };
    let local = local.ok_or(DeviceError::NoLocalBudget)?;
    if local.is_charged(assignment) {
        return Ok(());
    }
    Ok(local.ledger.admits(randomiser.guarantee(), 1)?)
}
