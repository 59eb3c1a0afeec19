//! What all phases of a coordinator share.

use std::{
    collections::{BTreeSet, VecDeque},
    num::NonZeroUsize,
    sync::Arc,
};

use murmur_privacy::{
    Digest, NoiseRng, NoiseStream,
    ledger::LedgerError,
    units::{Clip, Epsilon},
};

use super::{
    Assignment, Effect, StartError, TurnedAway,
    availability::{Availability, Heard, place_of},
};
use crate::{
    SharedLedger,
    checkpoint::{Checkpoint, CheckpointError, Manifest},
    device_id::DeviceId,
    evaluation::ReleasedEvaluation,
    guarantee::Guarantee,
    measure::ReleasedMetrics,
    optimizer::OptimizerState,
    params::Params,
    participation::{Attendance, BlockSecret, DamagedAttendance, Register},
    proximal::ProximalState,
    task::Schedule,
    time::{Millis, Time},
};

pub(super) struct Shared {
    pub(super) schedule: Schedule,
    /// Sorted, without duplicates.
    pub(super) enrolled: Vec<DeviceId>,
    pub(super) ledger: SharedLedger,
    pub(super) entropy: NoiseRng,
    pub(super) params: Arc<Params>,
    pub(super) model: Digest,
    pub(super) optimizer: OptimizerState,
    /// The clip of the round under way, or of the next one.
    pub(super) clip: Clip,
    /// The pull of the round under way, or of the next one, where it is adaptive.
    pub(super) proximal: Option<ProximalState>,
    /// What the last released round said.
    pub(super) metrics: Option<ReleasedMetrics>,
    /// What an evaluation's rounds said so far.
    pub(super) evaluation: Option<ReleasedEvaluation>,
    /// How long the last average update was that this process released, noise included.
    pub(super) update_norm: Option<f64>,
    /// Of the block under way, or the one to be begun.
    pub(super) secret: Option<BlockSecret>,
    /// The correlated noise of the block under way. After a restart it is derived again when it is first needed.
    pub(super) stream: Option<NoiseStream>,
    /// Every device's turns, where they are limited.
    pub(super) register: Option<Register>,
    pub(super) stop_after: Option<u32>,
    /// Threads that draw noise.
    pub(super) threads: NonZeroUsize,
    /// No round is to be opened for now.
    pub(super) paused: bool,
    pub(super) effects: VecDeque<Effect>,
    /// The last closed round and who was counted in it: a repeated upload gets its first answer back.
    pub(super) closed: Option<(u32, BTreeSet<DeviceId>)>,
    availability: Availability,
    /// The place of the device that was looked for last among those enrolled.
    sought: usize,
}

impl Shared {
    pub(super) fn new(
        schedule: Schedule,
        enrolled: Vec<DeviceId>,
        ledger: SharedLedger,
        entropy: NoiseRng,
        params: Params,
        optimizer: OptimizerState,
        clip: Clip,
    ) -> Result<Self, StartError> {
        Ok(Self {
            schedule,
            enrolled,
            ledger,
            entropy,
            params: Arc::new(params),
            model: Digest::ZERO,
            optimizer,
            clip,
            proximal: None,
            metrics: None,
            evaluation: None,
            update_norm: None,
            secret: None,
            stream: None,
            register: None,
            stop_after: None,
            threads: NonZeroUsize::MIN,
            paused: false,
            effects: VecDeque::new(),
            closed: None,
            availability: Availability::default(),
            sought: 0,
        })
    }

    /// Takes up the record of who took part, where the task needs one.
    pub(super) fn restore_register(&mut self, kept: &[Attendance]) -> Result<(), StartError> {
        let Some(rule) = self.schedule.task().turn_rule() else {
            return if kept.is_empty() { Ok(()) } else { Err(DamagedAttendance.into()) };
        };
        let account = self.ledger.account(&self.schedule.hash())?;
        let (position, paid) = (account.rounds_spent(), account.paid_in_block());
        self.register = Some(Register::restore(rule, kept, position, paid, &self.enrolled)?);
        Ok(())
    }

    /// Publishes the model the task starts or resumes from.
    pub(super) fn publish_first(&mut self) -> Result<(), StartError> {
        let account = self.ledger.account(&self.schedule.hash())?;
        let (released, founded) = (account.model(), account.reserved_by());
        let round = match released {
            Some((round, model)) => {
                self.model = model;
                Some(round)
            }
            None => {
                // No data are in it and nothing was spent for it, whatever was spent since on rounds that were lost: the
                // initial model is the same file in every process that starts the task.
                let guarantee = Guarantee { epsilon_spent: Epsilon::ZERO, ..self.guarantee()? };
                let checkpoint = self.encode(None, guarantee, founded, None)?;
                self.model = checkpoint.digest;
                self.effects.push_back(Effect::Store(checkpoint));
                None
            }
        };
        self.effects.push_back(Effect::Publish { round, model: self.model });
        Ok(())
    }

    /// The current parameters as files. `head` is the ledger entry that paid for them.
    pub(super) fn checkpoint(
        &self,
        round: u32,
        head: Digest,
        metrics: Option<ReleasedMetrics>,
    ) -> Result<Checkpoint, CheckpointError> {
        let guarantee = self.guarantee().map_err(|error| CheckpointError::Metadata(error.to_string()))?;
        self.encode(Some(round), guarantee, head, metrics)
    }

    fn encode(
        &self,
        round: Option<u32>,
        guarantee: Guarantee,
        head: Digest,
        metrics: Option<ReleasedMetrics>,
    ) -> Result<Checkpoint, CheckpointError> {
        let task = self.schedule.task();
        let founding = self.ledger.founding(&self.schedule.hash());
        let manifest = Manifest {
            version: 1,
            task: self.schedule.hash(),
            name: task.name.clone(),
            population: task.population.clone(),
            round,
            guarantee,
            ledger_head: head,
            founding: Some(founding.map_err(|error| CheckpointError::Metadata(error.to_string()))?),
            clip: self.clip,
            proximal: self.proximal,
            metrics,
            evaluation: self.evaluation.clone(),
            average: None,
            put_together_from: None,
            own_layers: Vec::new(),
        };
        Checkpoint::encode(&self.params, &self.optimizer, &manifest)
    }

    pub(super) fn guarantee(&self) -> Result<Guarantee, LedgerError> {
        let account = self.ledger.account(&self.schedule.hash())?;
        Ok(Guarantee::of(&self.schedule, &account, self.ledger.provenance()))
    }

    pub(super) fn window(&self) -> Millis {
        Millis::from_seconds(self.schedule.task().participation.window_seconds())
    }

    /// A device's place among those enrolled.
    pub(super) fn place(&self, device: &DeviceId) -> Option<usize> {
        place_of(device, &self.enrolled, self.sought)
    }

    /// Notes that a device is there. False for one that was never enrolled.
    pub(super) fn see(&mut self, device: &DeviceId, now: Time) -> bool {
        let Some(place) = self.place(device) else { return false };
        self.sought = place;
        let allowed = self.register.as_ref().is_none_or(|register| register.allows(place));
        self.availability.see(place, allowed, now);
        true
    }

    /// Whether publicly known availability lets a round be expected to bring enough reports. Only devices heard of since the
    /// last round closed count, and within the last two windows: they are still about, and will be back soon.
    ///
    /// Where turns are limited, only those count whose turn it may be; and where it is the turn of fewer than are asked for (rounds that
    /// crashes interrupted may have used turns up) nobody is waited for in vain: whose turn it is changes with a round only.
    pub(super) fn enough_available(&mut self, now: Time) -> bool {
        let horizon = Millis(2 * self.window().0);
        let Heard { devices, allowed } = self.availability.within(horizon, now);
        let participation = &self.schedule.task().participation;
        let minimum = f64::from(participation.minimum_reports());
        let Some(register) = &self.register else {
            return devices > 0 && participation.expected_reports(devices, self.schedule.population()) >= minimum;
        };
        let eligible = register.eligible();
        let reachable = participation.expected_reports(eligible, eligible);
        let expected = participation.expected_reports(allowed, eligible);
        devices > 0 && (allowed > 0 || eligible == 0) && expected >= minimum.min(reachable)
    }

    /// A round closed: whoever wants to be counted as available for the next one checks in again.
    pub(super) fn close(&mut self, round: u32, counted: BTreeSet<DeviceId>) {
        self.closed = Some((round, counted));
        self.forget_who_is_about();
    }

    /// Whoever wants to be counted as available checks in again.
    pub(super) fn forget_who_is_about(&mut self) {
        self.availability.clear();
    }

    /// The answer to a device for which there is no work now.
    pub(super) fn come_back(&self) -> TurnedAway {
        TurnedAway::ComeBack { after: self.schedule.task().participation.come_back() }
    }

    pub(super) fn assign(&mut self, device: DeviceId, round: u32) {
        let (task, grid) = (self.schedule.hash(), self.schedule.grid());
        // Of an open round: nothing is paid for while it is open.
        let position = self.ledger.rounds_spent(&task);
        let mu = self.proximal.map(|proximal| proximal.mu);
        let assignment = Assignment { task, round, position, model: self.model, grid, clip: self.clip, mu };
        self.effects.push_back(Effect::Assign { device, assignment });
    }

    pub(super) fn turn_away(&mut self, device: DeviceId, reason: TurnedAway) {
        self.effects.push_back(Effect::TurnAway { device, reason });
    }

    /// Whether this device's upload was counted in the round that closed last.
    pub(super) fn was_counted(&self, device: &DeviceId, round: u32) -> bool {
        self.closed.as_ref().is_some_and(|(closed, devices)| *closed == round && devices.contains(device))
    }
}
