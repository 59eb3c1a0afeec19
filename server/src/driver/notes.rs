//! What is logged and traced about rounds: their numbers and what they cost. Never a count, a norm or a loss.

use murmur_privacy::{Digest, Mechanism};
use murmur_round::{coordinator::Outcome, guarantee::Guarantee, task::Schedule};
use tracing::Span;

/// Logs a task's progress, and says in every line when it promises nothing. A round is one span, from its opening to its end.
#[derive(Debug)]
pub(super) struct Notes {
    task: String,
    caveat: &'static str,
    /// The round under way.
    round: Option<(u32, Span)>,
}

impl Notes {
    pub(super) fn new(schedule: &Schedule) -> Self {
        let caveat = match schedule.mechanism() {
            Mechanism::None => " (NOT PRIVATE: no noise is added)",
            Mechanism::Gaussian { .. } | Mechanism::Correlated { .. } => "",
        };
        Self { task: schedule.task().name.clone(), caveat, round: None }
    }

    pub(super) fn opened(&mut self, round: u32) {
        self.round = Some((round, tracing::info_span!("round", task = self.task, number = round)));
        let _span = self.span(Some(round)).entered();
        tracing::info!("open{}", self.caveat);
    }

    pub(super) fn abandoned(&mut self, round: u32) {
        let _span = self.ended(Some(round)).entered();
        tracing::warn!(
            "given up: the process that had opened it ended, or was told to; it cost nothing{}",
            self.caveat
        );
    }

    pub(super) fn forfeited(&self, rounds: u32) {
        let _span = self.span(None).entered();
        tracing::warn!(
            "the secret of a block that was begun, or its record of who took part, is gone: the {rounds} rounds that are left of it are given up, and stay paid \
             for{}",
            self.caveat
        );
    }

    pub(super) fn spent(&self, round: u32, guarantee: Option<Guarantee>) {
        let _span = self.span(Some(round)).entered();
        let Some(guarantee) = guarantee else { return };
        let (spent, whole) = (guarantee.epsilon_spent, guarantee.epsilon);
        tracing::info!("paid for: epsilon {spent:.4} of {whole:.4} spent{}", self.caveat);
    }

    pub(super) fn published(&mut self, round: Option<u32>, model: &Digest, resumed: bool) {
        let _span = self.ended(round).entered();
        match round {
            Some(_) if resumed => tracing::info!(%model, "the task resumes after this round{}", self.caveat),
            Some(_) => tracing::info!(%model, "released{}", self.caveat),
            None => tracing::info!(%model, "initial model{}", self.caveat),
        }
    }

    pub(super) fn finished(&self, outcome: &Outcome) {
        let _span = self.span(None).entered();
        match outcome {
            Outcome::Completed => tracing::info!("all rounds have run{}", self.caveat),
            Outcome::BudgetExhausted => tracing::warn!("the next round would pass the task's budget{}", self.caveat),
            Outcome::StoppedEarly => tracing::info!("stopped early, as asked{}", self.caveat),
            Outcome::Failed(reason) => tracing::error!("failed: {reason}{}", self.caveat),
        }
    }

    fn span(&self, round: Option<u32>) -> Span {
        match (round, &self.round) {
            (Some(number), Some((open, span))) if number == *open => span.clone(),
            (Some(number), _) => tracing::info_span!("round", task = self.task, number),
            (None, _) => tracing::info_span!("task", name = self.task),
        }
    }

    /// The span of a round that is over with what is said next.
    fn ended(&mut self, round: Option<u32>) -> Span {
        let span = self.span(round);
        self.round = None;
        span
    }
}
