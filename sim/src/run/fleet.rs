//! The virtual fleet: an event queue over devices, around the production coordinator.

mod check_in;
mod landing;

use std::{
    collections::{BTreeMap, HashMap, VecDeque},
    num::NonZeroUsize,
    sync::Arc,
};

use murmur_privacy::{
    Digest,
    ledger::{Entry, Record},
    units::Clip,
};
use murmur_round::{
    checkpoint::Checkpoint,
    coordinator::{Coordinator, Effect, Event, Outcome, StartError},
    evaluation::ReleasedEvaluation,
    guarantee::Guarantee,
    measure::ReleasedMetrics,
    params::Params,
    participation::Turn,
    task::TaskHash,
    time::Time,
};

use super::{
    agenda::Agenda,
    clock::{Clock, Phase},
    flights::Flights,
    history::{Cohort, Round, noise_norm},
    local::{LocalBudgets, LocalSpending},
    own::OwnLayers,
    split::Split,
    standing::{Kept, Standing, State},
    timing::Timing,
    workers::Workers,
};
use crate::{SimError, population::Population};

/// What a round released.
pub(super) struct Released {
    pub(super) round: Round,
    pub(super) params: Arc<Params>,
    /// The average of the models released so far, where the task asks for one.
    pub(super) averaged: Option<Params>,
    /// What is promised by then.
    pub(super) guarantee: Guarantee,
    /// The next round's clip.
    pub(super) clip: Clip,
}

/// What is called after every release, once nothing of its round is under way any more.
pub(super) type OnRelease<'a> = dyn FnMut(Released, &Fleet<'_>) -> Result<(), SimError> + 'a;

/// All devices and the coordinator, at one moment of virtual time.
///
/// Each device costs 16 bytes of the agenda (32 at most), 16 of the coordinator's list of names and 8 of its record of who is about.
pub(super) struct Fleet<'a> {
    coordinator: Coordinator,
    population: &'a Population,
    timing: Option<Timing>,
    clock: &'a Clock,
    /// The ranks that carry the run out with this one, where there are such.
    split: Option<&'a Split<'a>>,
    /// When each device that does nothing wants to check in next.
    agenda: Agenda,
    /// Devices that have work.
    flights: Flights<'a>,
    /// What devices remember of their turns, where the task limits them.
    turns: HashMap<u64, BTreeMap<TaskHash, Turn>>,
    /// What devices may spend on randomising their updates, where the task has them do so.
    local: Option<LocalBudgets>,
    /// The layers that devices which took part have of their own, where the task gives them such.
    own: Option<OwnLayers>,
    now: Time,
    /// Effects that are nobody's answer, in order.
    pending: VecDeque<Effect>,
    entries: Vec<Entry>,
    /// The last model, with what the optimiser remembers.
    model: Option<Checkpoint>,
    /// What the coordinator would have to be given to start again here.
    kept: Kept,
    /// The round under way: when it opened, its clip, and what became of its devices so far.
    opened: (Time, Clip),
    cohort: Cohort,
    /// Of those that counted, how many updates threads added up themselves.
    added: u64,
    released: Option<u32>,
    outcome: Option<Outcome>,
}

impl<'a> Fleet<'a> {
    pub(super) fn new(
        coordinator: Coordinator,
        population: &'a Population,
        timing: Option<Timing>,
        clock: &'a Clock,
        entries: Vec<Entry>,
        local: Option<LocalBudgets>,
        own: Option<OwnLayers>,
    ) -> Self {
        let agenda = (0..population.devices()).map(|index| (Time(0), index)).collect();
        let opened = (Time(0), coordinator.clip());
        Self {
            coordinator,
            population,
            timing,
            clock,
            split: None,
            agenda,
            flights: Flights::default(),
            turns: HashMap::new(),
            local,
            own,
            now: Time(0),
            pending: VecDeque::new(),
            entries,
            model: None,
            kept: Kept::default(),
            opened,
            cohort: Cohort::default(),
            added: 0,
            released: None,
            outcome: None,
        }
    }

    /// The same fleet as it stood after so many rounds, with what its coordinator had asked to be kept.
    pub(super) fn standing(self, standing: Standing, kept: Kept, released: u32, model: Checkpoint) -> Self {
        let Standing { now, queue, turns } = standing;
        let agenda = queue.into_iter().map(|(time, device)| (Time(time), device)).collect();
        let opened = (now, self.opened.1);
        Self { now, agenda, turns, kept, opened, released: Some(released), model: Some(model), ..self }
    }

    /// The same fleet, for whose devices several ranks work.
    pub(super) fn split_by(self, split: Option<&'a Split<'a>>) -> Self {
        Self { split, flights: split.map_or_else(Flights::default, Flights::split), ..self }
    }

    /// Runs until the task is over, or somebody wants it to stop.
    pub(super) fn run(
        &mut self,
        workers: &Workers<'_>,
        stop: &dyn Fn() -> bool,
        on_release: &mut OnRelease<'_>,
    ) -> Result<Outcome, SimError> {
        loop {
            if stop() {
                return Err(SimError::Interrupted { rounds: self.released.unwrap_or(0) });
            }
            self.carry_out(workers, on_release)?;
            if let Some(outcome) = self.outcome.clone() {
                // Devices still at work are waited for, so that no thread outlives the run.
                self.flights.wait(workers)?;
                return Ok(outcome);
            }
            let wake = self.agenda.first().map(|(wake, _)| wake);
            let arrival = self.flights.next();
            let next = match (wake, arrival) {
                (Some(wake), Some(arrival)) => Some(wake.min(arrival)),
                (one, other) => one.or(other),
            };
            // The coordinator's own clock strikes before whatever comes later.
            let deadline = self.coordinator.next_deadline();
            if let Some(deadline) = deadline.filter(|deadline| next.is_none_or(|next| *deadline <= next)) {
                self.now = self.now.max(deadline);
                self.clock.turn_to(Phase::Releasing);
                self.coordinator.handle(self.now, Event::Tick);
                continue;
            }
            // Where nothing takes time, devices answer when nobody is missing any more, so that threads have all of them to work for.
            let missing = self.timing.is_none() && self.coordinator.wants_devices();
            let comes = |wake| missing && deadline.is_some_and(|deadline| wake < deadline);
            match (wake, arrival) {
                // Of one moment, check-ins come first and arrivals after them, whichever thread was quicker.
                (Some(wake), arrival) if comes(wake) || arrival.is_none_or(|arrival| wake <= arrival) => {
                    self.now = self.now.max(wake);
                    self.clock.turn_to(Phase::CheckingIn);
                    self.check_in_next(workers)?;
                }
                (_, Some(arrival)) => {
                    self.now = self.now.max(arrival);
                    self.clock.turn_to(Phase::Training);
                    if let Some(answer) = self.flights.land(workers)? {
                        self.clock.turn_to(Phase::Adding);
                        self.take_answer(answer)?;
                    }
                }
                _ => return Err(self.no_round_opens()),
            }
        }
    }

    /// The coordinator's answer to what was just handed in; everything else it asked for waits its turn.
    fn answer(&mut self) -> Result<Effect, SimError> {
        let mut answer = None;
        while let Some(effect) = self.coordinator.poll_effect() {
            match effect {
                Effect::Assign { .. } | Effect::TurnAway { .. } | Effect::Answer { .. } => answer = Some(effect),
                other => self.pending.push_back(other),
            }
        }
        answer.ok_or_else(|| SimError::Failed("the coordinator did not answer".to_owned()))
    }

    /// Carries out what the coordinator asks for beside its answers. "Durable" is memory here: a simulation that dies goes on
    /// from the last round that was released.
    fn carry_out(&mut self, workers: &Workers<'_>, on_release: &mut OnRelease<'_>) -> Result<(), SimError> {
        while let Some(effect) = self.next_effect() {
            match effect {
                Effect::Store(checkpoint) => self.model = Some(checkpoint),
                Effect::Persist(entry) => {
                    let index = entry.index;
                    if matches!(entry.record, Record::RoundOpened { .. }) {
                        self.opened = (self.now, self.coordinator.clip());
                    }
                    self.clock.turn_to(Phase::Releasing);
                    if let Some(sum) = self.coordinator.closed_sum() {
                        // What threads added up themselves and what other ranks' devices sent, before anything is noised.
                        if workers.pour_into(sum)? != std::mem::take(&mut self.added) {
                            return Err(SimError::Failed(
                                "threads added up other updates than those that count".to_owned(),
                            ));
                        }
                        if let Some(split) = self.split {
                            split.add_up(entry.digest, sum)?;
                        }
                    }
                    self.entries.push(entry);
                    self.coordinator.handle(self.now, Event::Persisted { entry: index });
                }
                Effect::Publish { round: Some(round), .. } => {
                    let already = self.released.is_some_and(|released| released > round);
                    if !already {
                        self.released = Some(round + 1);
                        self.retire(workers)?;
                        let guarantee = self.coordinator.guarantee()?;
                        let released = Released {
                            round: self.passed(round, &guarantee),
                            params: self.coordinator.model(),
                            averaged: self.coordinator.averaged_model(),
                            guarantee,
                            clip: self.coordinator.clip(),
                        };
                        self.clock.turn_to(Phase::Evaluating);
                        on_release(released, self)?;
                    }
                }
                Effect::Publish { round: None, .. } => {}
                Effect::Keep(secret) => self.kept.secret = Some(secret.expose().to_vec()),
                Effect::Forget => self.kept.secret = None,
                Effect::Record(attendance) => {
                    let line = attendance.to_line().map_err(|error| SimError::Failed(error.to_string()))?;
                    self.kept.attendance.push(line);
                }
                Effect::Finished(outcome) => self.outcome = Some(outcome),
                other => return Err(unexpected(&other)),
            }
        }
        Ok(())
    }

    /// The round that was just released, looked back on.
    fn passed(&mut self, round: u32, guarantee: &Guarantee) -> Round {
        let (opened, clip) = self.opened;
        let seconds = |time: Time| time.0 as f64 / 1_000.0;
        Round {
            round,
            epsilon: guarantee.epsilon_spent,
            clip,
            update_norm: self.coordinator.update_norm(),
            noise_norm: noise_norm(self.coordinator.schedule(), clip),
            metrics: self.coordinator.metrics(),
            evaluation: self.coordinator.evaluation().cloned(),
            cohort: std::mem::take(&mut self.cohort),
            time: self.timing.is_some().then(|| (seconds(opened), seconds(self.now))),
        }
    }

    fn next_effect(&mut self) -> Option<Effect> {
        self.pending.pop_front().or_else(|| self.coordinator.poll_effect())
    }

    /// Lets so many threads draw the noise of a release.
    pub(super) fn draw_by(&mut self, threads: NonZeroUsize) {
        self.coordinator.draw_by(threads);
    }

    /// Ends the run after so many rounds.
    pub(super) fn stop_after(&mut self, rounds: u32) {
        self.coordinator.stop_after(rounds);
    }

    /// Rounds released so far.
    pub(super) fn released(&self) -> Option<u32> {
        self.released
    }

    /// What is promised at this moment.
    pub(super) fn guarantee(&self) -> Result<Guarantee, SimError> {
        Ok(self.coordinator.guarantee()?)
    }

    /// The current model.
    pub(super) fn params(&self) -> Arc<Params> {
        self.coordinator.model()
    }

    /// The average of the models released so far, where the task asks for one.
    pub(super) fn averaged(&self) -> Option<Params> {
        self.coordinator.averaged_model()
    }

    /// The average as a model file.
    pub(super) fn averaged_file(&self) -> Result<Option<Vec<u8>>, SimError> {
        let averaged = self.model.as_ref().map(|model| model.averaged(self.coordinator.schedule().task())).transpose();
        Ok(averaged.map_err(StartError::from)?.flatten())
    }

    /// The next round's clip, and what the last one said of the model before it.
    pub(super) fn measured(&self) -> (Clip, Option<ReleasedMetrics>) {
        (self.coordinator.clip(), self.coordinator.metrics())
    }

    /// What the rounds of an evaluation said so far.
    pub(super) fn evaluated(&self) -> Option<ReleasedEvaluation> {
        self.coordinator.evaluation().cloned()
    }

    /// The layers that devices have of their own, where the task gives them such.
    pub(super) fn own_layers(&self) -> Option<&OwnLayers> {
        self.own.as_ref()
    }

    /// Virtual time since the first device came.
    pub(super) fn now(&self) -> Time {
        self.now
    }

    /// What devices spent on randomising their updates, where they do.
    pub(super) fn local_spending(&self) -> Option<LocalSpending> {
        self.local.as_ref().map(LocalBudgets::spending)
    }

    /// What it takes to go on from here: only right after a release.
    pub(super) fn state(&self) -> State<'_> {
        let Self { coordinator, agenda, turns, local, own, now, entries, model, kept, .. } = self;
        let queue = agenda.iter().map(|(time, device)| (time.0, device)).collect();
        let entropy = coordinator.entropy_position();
        State { entropy, queue, turns, local, own, now: *now, entries, model, kept }
    }

    /// Digest of the ledger's last entry: of all that was released.
    pub(super) fn head(&self) -> Digest {
        self.coordinator.ledger().head()
    }

    /// The ledger's entries, and the last model's file and digest.
    pub(super) fn into_files(self) -> (Vec<Entry>, (Vec<u8>, Digest)) {
        let model = self.model.map_or_else(|| (Vec::new(), Digest::ZERO), |model| (model.model, model.digest));
        (self.entries, model)
    }
}

fn unexpected(effect: &Effect) -> SimError {
    SimError::Failed(format!("the coordinator did not answer but asked for {effect:?}"))
}
