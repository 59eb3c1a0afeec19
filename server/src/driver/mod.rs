//! What the coordinator asks for, carried out in order: store, make durable, publish, answer.
//!
//! The [`Driver`] owns the coordinator and the store. It blocks (durable writes, noise), so it lives on a thread of its
//! own; a test may call it directly.

mod notes;
mod open;
mod published;
mod thread;

pub use published::Published;
pub(crate) use thread::{Command, Queue, run, run_in_place};

use bytes::Bytes;
use murmur_privacy::{Digest, ledger::Record};
use murmur_proto::answer::CheckIn;
use murmur_round::{
    coordinator::{Coordinator, Effect, Event, Outcome, Verdict},
    evaluation::ReleasedEvaluation,
    guarantee::Guarantee,
    task::Schedule,
    time::Time,
};

use crate::{ServerError, failpoint::reached, store::Store};
use notes::Notes;

/// What one device hears back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Reply {
    /// To a check-in.
    CheckIn(CheckIn),
    /// To an upload or a withdrawal.
    Verdict(Verdict),
}

/// What an operator, or the end of the process, wants of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wish {
    /// Open no round for now.
    Pause,
    /// Open rounds again.
    Resume,
    /// End after the round under way.
    Cancel,
    /// Give up the round that collects updates: it spends nothing.
    Abandon,
}

/// One task's coordinator with its store.
pub struct Driver<S> {
    coordinator: Coordinator,
    store: S,
    published: Published,
    /// The model stored last, before it is published.
    staged: Option<(Digest, Bytes)>,
    rounds_released: u32,
    /// What an evaluation's rounds said up to the one that was published last.
    evaluation: Option<ReleasedEvaluation>,
    notes: Notes,
    /// The latest moment that the coordinator heard of.
    now: Time,
    broken: bool,
}

impl<S: Store> Driver<S> {
    /// Takes in one event, which came at `at`, and carries out everything that follows from it. What a device asked for is
    /// handed to `reply` as soon as it is known, before any slow work that its event set off. `clock` tells the time of
    /// what follows.
    ///
    /// # Errors
    /// [`ServerError`] when the store fails. Nothing is carried out any more after that: what was in flight is never
    /// released.
    pub fn handle(
        &mut self,
        at: Time,
        clock: &dyn Fn() -> Time,
        event: Event,
        reply: &mut dyn FnMut(Reply),
    ) -> Result<(), ServerError> {
        if self.broken {
            return Ok(());
        }
        self.tell(at, event);
        self.settle(clock, reply).inspect_err(|_| self.broken = true)
    }

    /// As [`handle`](Self::handle), for what an operator wants.
    ///
    /// # Errors
    /// [`ServerError`] when the store fails.
    pub fn heed(&mut self, clock: &dyn Fn() -> Time, wish: Wish) -> Result<(), ServerError> {
        match wish {
            Wish::Pause => self.coordinator.pause(),
            Wish::Resume => self.coordinator.resume(),
            // The round under way is the last: it releases, like every round that was opened.
            Wish::Cancel => self.coordinator.stop_after(0),
            Wish::Abandon => self.coordinator.abandon(),
        }
        self.handle(clock(), clock, Event::Tick, &mut |_| {})
    }

    /// Whether a round is open, or one is being opened, paid for or released.
    #[must_use]
    pub fn is_in_round(&self) -> bool {
        self.coordinator.is_in_round()
    }

    /// An event may have waited while others and their durable writes went on: its time is then theirs.
    fn tell(&mut self, at: Time, event: Event) {
        self.now = self.now.max(at);
        self.coordinator.handle(self.now, event);
    }

    fn settle(&mut self, clock: &dyn Fn() -> Time, reply: &mut dyn FnMut(Reply)) -> Result<(), ServerError> {
        while let Some(effect) = self.coordinator.poll_effect() {
            match effect {
                Effect::Assign { assignment, .. } => {
                    reached("assign.before");
                    reply(Reply::CheckIn(CheckIn::Assigned(assignment)));
                    reached("assign.after");
                }
                Effect::TurnAway { reason, .. } => {
                    reached("turn-away.before");
                    reply(Reply::CheckIn(CheckIn::TurnedAway(reason)));
                }
                Effect::Answer { verdict, .. } => {
                    reached("answer.before");
                    reply(Reply::Verdict(verdict));
                    reached("answer.after");
                }
                Effect::Store(checkpoint) => {
                    reached("store.before");
                    self.store.put_checkpoint(&checkpoint)?;
                    reached("store.after");
                    self.staged = Some((checkpoint.digest, checkpoint.model.into()));
                }
                Effect::Keep(secret) => {
                    let task = self.coordinator.schedule().hash();
                    reached("keep.before");
                    self.store.put_secret(&task, &secret)?;
                    reached("keep.after");
                }
                Effect::Forget => {
                    let task = self.coordinator.schedule().hash();
                    reached("forget.before");
                    self.store.remove_secret(&task)?;
                    reached("forget.after");
                }
                Effect::Record(attendance) => {
                    let task = self.coordinator.schedule().hash();
                    reached("record.before");
                    self.store.append_attendance(&task, &attendance)?;
                    reached("record.after");
                }
                Effect::Persist(entry) => {
                    let (before, after) = around(&entry.record);
                    reached(before);
                    self.store.append(&self.coordinator.schedule().task().population, &entry)?;
                    reached(after);
                    match &entry.record {
                        Record::Spent { round, .. } => self.notes.spent(*round, self.coordinator.guarantee().ok()),
                        Record::Released { .. } => self.rounds_released += 1,
                        Record::RoundOpened { round, .. } => self.notes.opened(*round),
                        Record::Abandoned { round, .. } => self.notes.abandoned(*round),
                        Record::Forfeited { rounds, .. } => self.notes.forfeited(*rounds),
                        _ => {}
                    }
                    self.tell(clock(), Event::Persisted { entry: entry.index });
                    if matches!(entry.record, Record::Spent { .. }) {
                        reached("noised");
                    }
                }
                Effect::Publish { round, model } => {
                    reached("publish.before");
                    let resumed = self.staged.is_none();
                    let file = self.take_staged(model)?;
                    self.published.put(model, file);
                    self.evaluation = self.coordinator.evaluation().cloned();
                    reached("publish.after");
                    self.notes.published(round, &model, resumed);
                }
                Effect::Finished(outcome) => {
                    reached("finished");
                    self.notes.finished(&outcome);
                }
            }
        }
        Ok(())
    }

    /// The model's bytes: just stored, or stored by an earlier process.
    fn take_staged(&mut self, model: Digest) -> Result<Bytes, ServerError> {
        match self.staged.take() {
            Some((digest, file)) if digest == model => Ok(file),
            _ => match self.store.checkpoint(&model)? {
                Some(checkpoint) => Ok(checkpoint.model.into()),
                None => Err(ServerError::ModelMissing { model }),
            },
        }
    }

    /// When to hand in [`Event::Tick`], if at all.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Time> {
        self.coordinator.next_deadline()
    }

    /// How the task ended, once it did.
    #[must_use]
    pub fn outcome(&self) -> Option<&Outcome> {
        self.coordinator.outcome()
    }

    /// What is promised at this moment.
    ///
    /// # Errors
    /// Never after a successful start.
    pub fn guarantee(&self) -> Result<Guarantee, ServerError> {
        self.coordinator.guarantee().map_err(|cause| {
            let population = self.schedule().task().population.clone();
            ServerError::Ledger { population, cause }
        })
    }

    /// The schedule it follows.
    #[must_use]
    pub fn schedule(&self) -> &Schedule {
        self.coordinator.schedule()
    }

    /// The models that may be read.
    #[must_use]
    pub fn published(&self) -> &Published {
        &self.published
    }

    /// Rounds whose model was released, by this process or an earlier one.
    #[must_use]
    pub fn rounds_released(&self) -> u32 {
        self.rounds_released
    }

    /// What the rounds of an evaluation said, up to the one that was published last.
    #[must_use]
    pub fn evaluation(&self) -> Option<&ReleasedEvaluation> {
        self.evaluation.as_ref()
    }

    /// Digest of the ledger's last entry.
    #[must_use]
    pub fn ledger_head(&self) -> Digest {
        self.coordinator.ledger().head()
    }

    /// The store, once nothing is to be carried out any more.
    #[must_use]
    pub fn into_store(self) -> S {
        self.store
    }
}

/// The points on both sides of an entry's append.
fn around(record: &Record) -> (&'static str, &'static str) {
    match record {
        Record::RoundOpened { .. } => ("persist.opened.before", "persist.opened.after"),
        Record::Spent { .. } => ("persist.spent.before", "persist.spent.after"),
        Record::Released { .. } => ("persist.released.before", "persist.released.after"),
        // A ledger's first entries are appended elsewhere.
        _ => ("persist.abandoned.before", "persist.abandoned.after"),
    }
}

#[cfg(test)]
mod tests;
