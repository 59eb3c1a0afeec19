//! Sums that training threads keep: an update is added by the thread that made it, while it lies in that processor's cache.

use std::sync::Mutex;

use murmur_privacy::{Sum, Upload};

use super::answer::Answer;
use crate::SimError;

/// What one thread added up of the round under way; its memory stays from round to round.
#[derive(Default)]
pub(super) struct PartialSum {
    sum: Option<Sum>,
    updates: u64,
}

impl PartialSum {
    /// Adds an update that is sure to be counted; what stands for it from then on.
    pub(super) fn add(&mut self, upload: &Upload) -> Result<Upload, SimError> {
        let grid = upload.grid();
        self.sum.get_or_insert_with(|| Sum::new(grid)).add(upload).map_err(|error| failed(&error))?;
        self.updates += 1;
        Ok(Upload::made_elsewhere(grid))
    }

    /// Moves all of it to the round's sum; of how many updates it was.
    pub(super) fn pour_into(&mut self, sum: &mut Sum) -> Result<u64, SimError> {
        if let Some(partial) = &mut self.sum {
            sum.append(partial).map_err(|error| failed(&error))?;
        }
        Ok(std::mem::take(&mut self.updates))
    }
}

/// An update that is sure to be counted goes no further than to the thread's own sum.
pub(super) fn kept_here(mut answer: Answer, sum: &Mutex<PartialSum>) -> Result<Answer, SimError> {
    if let Some(upload) = answer.upload.take_if(|_| answer.added) {
        answer.upload = Some(sum.lock().map_err(|_| SimError::Worker)?.add(&upload)?);
    }
    Ok(answer)
}

fn failed(error: &dyn std::error::Error) -> SimError {
    SimError::Failed(error.to_string())
}
