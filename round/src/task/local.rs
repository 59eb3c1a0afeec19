//! A task whose devices randomise their updates themselves: `[privacy.local]`, and what goes with it.

use murmur_privacy::{
    Digest, Encoding, Grid,
    encoding::EncodingError,
    local::{LocalRandomiser, Seed},
    units::Clip,
};

use super::{Privacy, Task, TaskError};
use crate::participation::Participation;

/// Rounds are told apart by their projections only, which are public: any label will do, as long as nothing else uses it.
const PROJECTION: &[u8] = b"murmur projection 1";

/// Turns a device's whole update into what it sends.
pub type Randomiser = Box<dyn LocalRandomiser + Send + Sync>;

impl Task {
    /// What a device does to its own update in this round, where the task asks for that. All devices of a round have the same one, and
    /// so does the coordinator, which decodes their sum with it.
    ///
    /// # Errors
    /// [`TaskError::Local`] when there is no such randomiser for the task's model and clip.
    pub fn randomiser(&self, round: u32) -> Result<Option<Randomiser>, TaskError> {
        let Some(local) = &self.privacy.local else { return Ok(None) };
        let seed = projection_seed(&self.hash()?, round);
        Ok(Some(local.randomiser(self.privacy.clip, self.shared_layout().dimension(), seed)?))
    }

    /// The grid of a round before its ring is known: for clipped updates and the task's measures, for what local randomisers send, or for
    /// measures alone.
    pub(super) fn fit_grid(&self) -> Result<Grid, TaskError> {
        if let Some((plan, _)) = self.evaluation() {
            return Ok(Encoding::fit_measures(plan.measure_count())?);
        }
        // How far numbers reach, and how many there are, depends on no seed, so on no round.
        let (clip, dimension) = match self.randomiser(0)? {
            Some(randomiser) => (reach(&*randomiser)?, randomiser.sent()),
            None => (self.privacy.clip, self.shared_layout().dimension()),
        };
        Ok(Encoding::fit(clip, dimension, &self.shares())?)
    }

    /// Most rounds in which one device takes part while the task runs.
    #[must_use]
    pub fn most_participations(&self) -> u32 {
        let (each, block) = match (self.turn_rule(), self.participation) {
            (Some(rule), _) => (rule.limits.participations.get(), rule.block_rounds.get()),
            (None, Participation::Allocation { rounds_per_device, .. }) => {
                (rounds_per_device, self.block_rounds().get())
            }
            (None, _) => return self.rounds,
        };
        each.saturating_mul(self.rounds.div_ceil(block)).min(self.rounds)
    }
}

impl Privacy {
    /// Nothing leaves a device that its randomiser did not cover, and nothing changes from round to round that its guarantee rests on.
    pub(super) fn check_local(&self) -> Result<(), String> {
        let Some(local) = &self.local else { return Ok(()) };
        let other = [("metrics", self.metrics.is_some()), ("adaptive_clip", self.adaptive_clip.is_some())];
        if let Some((key, _)) = other.iter().find(|(_, written)| *written) {
            let key = if self.metrics_are_open() { "non_private_metrics" } else { key };
            return Err(format!(
                "privacy.{key} has devices send what they measured, which no local randomiser covers: remove it, or [privacy.local]"
            ));
        }
        if self.shape().is_some() && local.projection().is_some() {
            return Err("privacy.local.projection is drawn anew for every round, and correlated noise takes noise of earlier rounds back, \
                        which it can in the same coordinates only: remove the projection, or choose mechanism = \"gaussian\""
                .to_owned());
        }
        Ok(())
    }
}

/// The clip of a grid on which nothing is shortened that this randomiser sends.
pub(crate) fn reach(randomiser: &dyn LocalRandomiser) -> Result<Clip, TaskError> {
    Ok(randomiser.output_bound().clip(randomiser.sent()).map_err(EncodingError::Clip)?)
}

fn projection_seed(task: &Digest, round: u32) -> Seed {
    let label = [PROJECTION, task.as_bytes(), &round.to_le_bytes()].concat();
    *Digest::of(&label).as_bytes()
}
