//! Where a run's time goes.

use std::{
    cell::Cell,
    ops::{Add, AddAssign},
    time::Instant,
};

use serde::{Deserialize, Serialize};

/// What a run does at a moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Preparing,
    CheckingIn,
    Training,
    Adding,
    Releasing,
    Evaluating,
    Keeping,
}

/// Wall-clock seconds of a run by what it did, of all its lives together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Phases {
    /// Pricing the schedule and founding its ledger.
    pub preparing: f64,
    /// Devices ask for work, and coins are looked up.
    pub checking_in: f64,
    /// Waiting for devices that train, clip and encode, on all threads.
    pub training: f64,
    /// Checking updates and adding them up.
    pub adding: f64,
    /// Noise, the optimiser's step and the model's file.
    pub releasing: f64,
    /// Measuring models on data outside the population.
    pub evaluating: f64,
    /// Writing down where the run stands.
    pub keeping: f64,
}

impl Phases {
    fn of(&mut self, phase: Phase) -> &mut f64 {
        match phase {
            Phase::Preparing => &mut self.preparing,
            Phase::CheckingIn => &mut self.checking_in,
            Phase::Training => &mut self.training,
            Phase::Adding => &mut self.adding,
            Phase::Releasing => &mut self.releasing,
            Phase::Evaluating => &mut self.evaluating,
            Phase::Keeping => &mut self.keeping,
        }
    }
}

impl Add for Phases {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            preparing: self.preparing + other.preparing,
            checking_in: self.checking_in + other.checking_in,
            training: self.training + other.training,
            adding: self.adding + other.adding,
            releasing: self.releasing + other.releasing,
            evaluating: self.evaluating + other.evaluating,
            keeping: self.keeping + other.keeping,
        }
    }
}

/// Books every moment on one phase. Looking at the system's clock is left out while the phase stays: a million devices check in.
pub(super) struct Clock {
    phase: Cell<Phase>,
    since: Cell<Instant>,
    spent: Cell<Phases>,
}

impl Clock {
    /// Starts in [`Phase::Preparing`].
    pub(super) fn start() -> Self {
        let (phase, since) = (Cell::new(Phase::Preparing), Cell::new(Instant::now()));
        Self { phase, since, spent: Cell::default() }
    }

    /// From now on it is this.
    pub(super) fn turn_to(&self, phase: Phase) {
        if self.phase.get() != phase {
            self.book();
            self.phase.set(phase);
        }
    }

    /// What was booked so far, up to now.
    pub(super) fn spent(&self) -> Phases {
        self.book();
        self.spent.get()
    }

    fn book(&self) {
        let now = Instant::now();
        let mut spent = self.spent.get();
        spent.of(self.phase.get()).add_assign((now - self.since.replace(now)).as_secs_f64());
        self.spent.set(spent);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_moment_is_booked_once() {
        let began = Instant::now();
        let clock = Clock::start();
        for phase in [Phase::Training, Phase::Training, Phase::Adding, Phase::Training] {
            clock.turn_to(phase);
            std::thread::yield_now();
        }
        let spent = clock.spent();
        let most = began.elapsed().as_secs_f64();
        let all = spent.preparing + spent.training + spent.adding;
        assert!(0.0 < all && all <= most, "{spent:?} in {most}");
        assert_eq!(spent.checking_in + spent.releasing + spent.evaluating + spent.keeping, 0.0);
        let twice = spent + spent;
        assert_eq!(twice.training, 2.0 * spent.training);
    }
}
