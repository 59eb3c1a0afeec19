//! The coordinator of one task: a state machine without clock, sockets, threads or global randomness.
//!
//! Drive it with [`handle`](Coordinator::handle), then carry out what [`poll_effect`](Coordinator::poll_effect) yields,
//! in order, and wake it at [`next_deadline`](Coordinator::next_deadline). Its phases stand one in a file.

mod availability;
mod blocks;
mod event;
mod measures;
mod phases;
mod shared;

pub use event::{Assignment, Effect, Event, Outcome, Refusal, TurnedAway, Verdict};

use std::{num::NonZeroUsize, sync::Arc};

#[cfg(feature = "seeded")]
use murmur_privacy::Sum;
use murmur_privacy::{Digest, NoiseRng, Provenance, ledger::LedgerError, units::Clip};
use thiserror::Error;

use crate::{
    SharedLedger,
    beginning::Beginning,
    checkpoint::{Checkpoint, CheckpointError},
    device_id::DeviceId,
    evaluation::ReleasedEvaluation,
    guarantee::Guarantee,
    measure::ReleasedMetrics,
    optimizer::Server,
    params::Params,
    participation::{Attendance, DamagedAttendance, DamagedSecret, KeptSecret},
    pretrained::PretrainedFileError,
    task::Schedule,
    time::Time,
};
use phases::{Abandoning, Phase, Waiting};
use shared::Shared;

/// Why a coordinator cannot start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The task has no reservation, or another defect of the ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The stored model or optimiser state is not the one the ledger names.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// The task starts from a file that is not at hand, or is another.
    #[error(transparent)]
    Pretrained(#[from] PretrainedFileError),
    /// The ledger names a released model, but none was handed in.
    #[error("the ledger names model {model} for this task, and it was not found")]
    ModelMissing {
        /// Digest of the missing model.
        model: Digest,
    },
    /// Fewer or more devices than the task was reserved for.
    #[error(
        "the task was reserved for {reserved} enrolled devices, and {found} distinct ones are enrolled now: its delta, its \
         noise and its denominators hold for {reserved}. Enrol as many again, or create another task for {found}"
    )]
    Population {
        /// Devices in the reservation.
        reserved: u64,
        /// Distinct devices enrolled now, or those that the schedule handed in was fixed for.
        found: u64,
    },
    /// The kept secret of a block cannot be what was kept.
    #[error(
        "the kept secret of a block of rounds is damaged. Bring back what was kept, or remove the secret; without it the rest of a \
         block that was begun is given up, and its budget with it"
    )]
    Secret(#[from] DamagedSecret),
    /// The record of who took part cannot be what was recorded.
    #[error(
        "the record of who took part in the task's rounds is damaged, or not this ledger's. Bring back the file as it was, or remove it; \
         without it the rest of a block that was begun is given up, and its budget with it"
    )]
    Attendance(#[from] DamagedAttendance),
    /// The task was reserved with blocks of another length.
    #[error("the task was reserved in blocks of {reserved} rounds, and has blocks of {found}")]
    Blocks {
        /// Rounds of a block in the reservation.
        reserved: u32,
        /// Rounds of a block of the schedule handed in.
        found: u32,
    },
    /// Seeded noise under a ledger that claims the operating system's, or the reverse.
    #[error("the ledger records {ledger} noise, but the entropy handed in is {entropy}")]
    Provenance {
        /// What the ledger says.
        ledger: Provenance,
        /// What was handed in.
        entropy: Provenance,
    },
}

/// What earlier processes of the task made durable beside its ledger.
#[derive(Debug, Default)]
pub struct Stored {
    /// The checkpoint of the model that the ledger names last for the task, if it names one.
    pub checkpoint: Option<Checkpoint>,
    /// The secret of the last [`Effect::Keep`], if it is still there.
    pub secret: Option<KeptSecret>,
    /// What every [`Effect::Record`] recorded, in order.
    pub attendance: Vec<Attendance>,
    /// The file that the task starts from, where it does. Needed until a model was released.
    pub pretrained: Option<Vec<u8>>,
}

/// The coordinator of one task over one population.
pub struct Coordinator {
    shared: Shared,
    phase: Phase,
}

impl Coordinator {
    /// A coordinator whose task is reserved in `ledger`, and which goes on with what is `stored`.
    ///
    /// A round that the ledger shows open is abandoned first: its sum is gone. A round that it shows spent
    /// and not released is lost with its budget. Neither number is used again. Within a block of rounds whose secret is not at
    /// hand, or of which it is not known who took part, the rest of the block is given up.
    ///
    /// # Errors
    /// [`StartError`] when ledger, enrolment, entropy and stored model do not belong together.
    pub fn start(
        schedule: Schedule,
        mut enrolled: Vec<DeviceId>,
        ledger: impl Into<SharedLedger>,
        entropy: NoiseRng,
        stored: Stored,
    ) -> Result<Self, StartError> {
        let ledger = ledger.into();
        let Stored { checkpoint: stored, secret: kept, attendance, pretrained } = stored;
        if ledger.provenance() != entropy.provenance() {
            return Err(StartError::Provenance { ledger: ledger.provenance(), entropy: entropy.provenance() });
        }
        enrolled.sort_unstable();
        enrolled.dedup();
        let account = ledger.account(&schedule.hash())?;
        let reserved = account.reservation().devices;
        for found in [schedule.population(), enrolled.len() as u64] {
            if found != reserved {
                return Err(StartError::Population { reserved, found });
            }
        }
        let (reserved, found) = (account.block_rounds(), schedule.task().block_rounds().get());
        if found != reserved {
            return Err(StartError::Blocks { reserved, found });
        }
        let interrupted = account.open_round();
        let (mut metrics, mut evaluation) = (None, None);
        let (params, optimizer, clip, proximal) = match (account.model(), stored) {
            (Some((_, model)), Some(checkpoint)) => {
                let (params, optimizer, manifest) = checkpoint.decode(schedule.task(), model)?;
                (metrics, evaluation) = (manifest.metrics, manifest.evaluation);
                (params, optimizer, manifest.clip, manifest.proximal)
            }
            (Some((_, model)), None) => return Err(StartError::ModelMissing { model }),
            (None, _) => {
                let task = schedule.task();
                let params = Beginning::of(task, pretrained.as_deref())?.shared().clone();
                let initial = |server: &Server| server.initial_state(params.dimension());
                let optimizer = task.server().map(initial).unwrap_or_default();
                let proximal = task.plan().and_then(|plan| plan.adaptive_proximal).map(|rule| rule.begin());
                (params, optimizer, task.privacy.clip, proximal)
            }
        };
        let mut shared = Shared::new(schedule, enrolled, ledger, entropy, params, optimizer, clip)?;
        (shared.proximal, shared.metrics, shared.evaluation) = (proximal, metrics, evaluation);
        shared.publish_first()?;
        shared.restore_secret(kept)?;
        shared.restore_register(&attendance)?;
        let phase = match interrupted {
            Some(round) => Abandoning::enter(&mut shared, round),
            None => Phase::Waiting(Waiting),
        };
        Ok(Self { shared, phase })
    }

    /// Ends the task after this many rounds paid for in all, as if by hand; nothing else about it changes.
    pub fn stop_after(&mut self, rounds: u32) {
        self.shared.stop_after = Some(rounds);
    }

    /// Lets noise that is drawn afresh be drawn by so many threads, of which only the time of a release knows; without it, by one.
    pub fn draw_by(&mut self, threads: NonZeroUsize) {
        self.shared.threads = threads;
    }

    /// Opens no round until [`resume`](Self::resume). One that is open goes on to its end: who is counted in it, and that it is released,
    /// depends on nobody's wish.
    pub fn pause(&mut self) {
        self.shared.paused = true;
    }

    /// Opens rounds again, from the next event on.
    pub fn resume(&mut self) {
        self.shared.paused = false;
    }

    /// Whether a round is open, or one is being opened, paid for or released.
    #[must_use]
    pub fn is_in_round(&self) -> bool {
        !matches!(self.phase, Phase::Waiting(_) | Phase::Finished(_))
    }

    /// Gives up the round that collects updates, if one does: its sum is dropped, it spends nothing, and its number is used up. For a
    /// process that ends, and never because of what was sent: whoever watches learns that the process ended, and nothing else.
    pub fn abandon(&mut self) {
        if let Phase::Collecting(collecting) = &self.phase {
            let round = collecting.round();
            self.phase = Abandoning::enter(&mut self.shared, round);
        }
    }

    /// The sum of the round that has closed and is being paid for: from the last event of the round until [`Event::Persisted`] confirms its
    /// spend. `None` at all other times.
    ///
    /// For simulations whose threads or ranks collect one round together: each device is counted here, its upload is added up where it was made,
    /// and the sums join this one before it is noised. That an upload is in one of them only is the driver's to keep, and the bound of one
    /// device rests on it: so only the feature `seeded` compiles this, and in production nobody but the coordinator adds to a round's sum.
    #[cfg(feature = "seeded")]
    pub fn closed_sum(&mut self) -> Option<&mut Sum> {
        match &mut self.phase {
            Phase::Sealing(sealing) => Some(sealing.sum()),
            _ => None,
        }
    }

    /// Takes in one event. `now` never goes back.
    pub fn handle(&mut self, now: Time, event: Event) {
        let phase = std::mem::replace(&mut self.phase, Phase::Waiting(Waiting));
        self.phase = phase.handle(&mut self.shared, now, event);
    }

    /// The next thing to be done outside; `None` when the coordinator waits.
    pub fn poll_effect(&mut self) -> Option<Effect> {
        self.shared.effects.pop_front()
    }

    /// When to hand in [`Event::Tick`], if at all.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        self.phase.deadline()
    }

    /// Whether a round is open that has work for devices which did not come yet: until they did, it does not close before its deadline.
    #[must_use]
    pub fn wants_devices(&self) -> bool {
        matches!(&self.phase, Phase::Collecting(collecting) if collecting.wants_devices())
    }

    /// The current model. Until its [`Effect::Publish`] was carried out it is for nobody else's eyes.
    #[must_use]
    pub fn model(&self) -> Arc<Params> {
        self.shared.params.clone()
    }

    /// The average of the models released so far, where the task asks for one. As the model it is for nobody else's eyes before
    /// [`Effect::Publish`].
    #[must_use]
    pub fn averaged_model(&self) -> Option<Params> {
        self.shared.schedule.task().server()?.averaged(&self.shared.optimizer, &self.shared.params)
    }

    /// The clip of the round under way, or of the next one.
    #[must_use]
    pub fn clip(&self) -> Clip {
        self.shared.clip
    }

    /// What the last released round said about the model before it.
    #[must_use]
    pub fn metrics(&self) -> Option<ReleasedMetrics> {
        self.shared.metrics
    }

    /// What the released rounds of an evaluation say by now.
    #[must_use]
    pub fn evaluation(&self) -> Option<&ReleasedEvaluation> {
        self.shared.evaluation.as_ref()
    }

    /// Norm of the last average update that was released by this process, noise included and, of randomised updates, before they are
    /// decoded: post-processing of the release, which costs nothing.
    #[must_use]
    pub fn update_norm(&self) -> Option<f64> {
        self.shared.update_norm
    }

    /// How far its entropy was drawn on: with a published seed, a simulation goes on from there.
    #[must_use]
    pub fn entropy_position(&self) -> u128 {
        self.shared.entropy.position()
    }

    /// The schedule it follows.
    #[must_use]
    pub fn schedule(&self) -> &Schedule {
        &self.shared.schedule
    }

    /// The ledger it spends from, which other tasks' coordinators may share.
    #[must_use]
    pub fn ledger(&self) -> &SharedLedger {
        &self.shared.ledger
    }

    /// What is promised at this moment.
    ///
    /// # Errors
    /// Never after a successful start: the task's account exists.
    pub fn guarantee(&self) -> Result<Guarantee, LedgerError> {
        self.shared.guarantee()
    }

    /// How the task ended, once it did.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        match &self.phase {
            Phase::Finished(finished) => Some(&finished.outcome),
            _ => None,
        }
    }
}
