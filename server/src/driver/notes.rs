//! What is logged about rounds: their numbers and what they cost. Never a count, a norm or a loss.

use murmur_privacy::{Digest, Mechanism};
use murmur_round::{coordinator::Outcome, guarantee::Guarantee, task::Schedule};

/// Logs a task's progress, and says in every line when it promises nothing.
#[derive(Debug)]
pub(super) struct Notes {
    task: String,
    caveat: &'static str,
}

impl Notes {
    pub(super) fn new(schedule: &Schedule) -> Self {
        let caveat = match schedule.mechanism() {
            Mechanism::None => " (NOT PRIVATE: no noise is added)",
            Mechanism::Gaussian { .. } | Mechanism::Correlated { .. } => "",
        };
        Self { task: schedule.task().name.clone(), caveat }
    }

    pub(super) fn opened(&self, round: u32) {
        let _span = self.span(Some(round));
        tracing::info!("open{}", self.caveat);
    }

    pub(super) fn abandoned(&self, round: u32) {
        let _span = self.span(Some(round));
        tracing::warn!(
            "given up: the process that had opened it ended, or was told to; it cost nothing{}",
            self.caveat
        );
    }

    pub(super) fn forfeited(&self, rounds: u32) {
        let _span = self.span(None);
        tracing::warn!(
            "the secret of a block that was begun, or its record of who took part, is gone: the {rounds} rounds that are left of it are given up, and stay paid \
             for{}",
            self.caveat
        );
    }

    pub(super) fn spent(&self, round: u32, guarantee: Option<Guarantee>) {
        let _span = self.span(Some(round));
        let Some(guarantee) = guarantee else { return };
        let (spent, whole) = (guarantee.epsilon_spent, guarantee.epsilon);
        tracing::info!("paid for: epsilon {spent:.4} of {whole:.4} spent{}", self.caveat);
    }

    pub(super) fn published(&self, round: Option<u32>, model: &Digest, resumed: bool) {
        let _span = self.span(round);
        match round {
            Some(_) if resumed => tracing::info!(%model, "the task resumes after this round{}", self.caveat),
            Some(_) => tracing::info!(%model, "released{}", self.caveat),
            None => tracing::info!(%model, "initial model{}", self.caveat),
        }
    }

    pub(super) fn finished(&self, outcome: &Outcome) {
        let _span = self.span(None);
        match outcome {
            Outcome::Completed => tracing::info!("all rounds have run{}", self.caveat),
            Outcome::BudgetExhausted => tracing::warn!("the next round would pass the task's budget{}", self.caveat),
            Outcome::StoppedEarly => tracing::info!("stopped early, as asked{}", self.caveat),
            Outcome::Failed(reason) => tracing::error!("failed: {reason}{}", self.caveat),
        }
    }

    fn span(&self, round: Option<u32>) -> tracing::span::EnteredSpan {
        match round {
            Some(round) => tracing::info_span!("round", task = self.task, number = round).entered(),
            None => tracing::info_span!("task", name = self.task).entered(),
        }
    }
}
