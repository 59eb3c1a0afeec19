//! What a fixed schedule costs, by the tightest sound accountant.

use std::sync::Arc;

use thiserror::Error;

use super::{
    LossSchedule, RdpAccountant, RdpCurve, Refusal, epsilon_of_zcdp,
    gaussian::{epsilon_of_mu, mu_squared},
    zcdp::rho,
};
use crate::{
    event::DpEvent,
    units::{DeltaProbability, Epsilon},
};

/// An epsilon and who vouches for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quote {
    /// The loss.
    pub epsilon: Epsilon,
    /// Name of the accountant.
    pub accountant: &'static str,
}

/// The smallest sound epsilon for an event fixed in advance, and the accountant that gave it.
///
/// Taking the minimum is sound because the event is fixed before anything is seen; for a schedule chosen on the way it
/// would not be (privacy.md, G23).
///
/// # Errors
/// [`Refusal`] when no accountant has a theorem for the event.
pub fn tightest(event: &DpEvent, delta: DeltaProbability) -> Result<Quote, Refusal> {
    Round::tightest(event, 1, delta).map(|(quote, _)| quote)
}

/// The price of every prefix of a schedule of identical rounds, all by one accountant: the tightest for the whole.
#[derive(Clone, Debug)]
pub struct Prices {
    accountant: &'static str,
    round: Round,
    rounds: u32,
    delta: DeltaProbability,
}

/// What one round costs, in the form in which the accountant adds rounds up.
#[derive(Clone, Debug)]
enum Round {
    /// Divergences add.
    Renyi(RdpCurve),
    /// `rho` adds.
    Concentrated(f64),
    /// `mu^2` adds.
    Exact(f64),
    /// Losses are composed.
    Losses(Arc<LossSchedule>),
    /// Nothing is promised.
    Open,
}

/// The accountants, the exact one first: where it has a theorem nothing is tighter.
const NAMES: [&str; 4] = ["exact-gaussian", "zcdp", "rdp", "pld"];

impl Round {
    /// What `rounds` of an event cost at least, by whom, and how to know the price of fewer.
    fn tightest(event: &DpEvent, rounds: u32, delta: DeltaProbability) -> Result<(Quote, Self), Refusal> {
        let mut best: Option<(Quote, Self)> = None;
        let mut refusal = None;
        for accountant in NAMES {
            match Self::by(accountant, event, rounds, delta) {
                Ok(round) => {
                    let quote = Quote { epsilon: round.after(rounds, delta), accountant };
                    if best.as_ref().is_none_or(|(best, _)| quote.epsilon < best.epsilon) {
                        best = Some((quote, round));
                    }
                    if accountant == NAMES[0] {
                        break;
                    }
                }
                Err(refused) => refusal = Some(refused),
            }
        }
        best.ok_or_else(|| refusal.unwrap_or(Refusal::new("tightest", event)))
    }

    fn by(accountant: &'static str, event: &DpEvent, rounds: u32, delta: DeltaProbability) -> Result<Self, Refusal> {
        Ok(match accountant {
            "rdp" => Self::Renyi(RdpAccountant::default().curve(event)?),
            "zcdp" => Self::Concentrated(rho(event, accountant)?),
            "pld" => match LossSchedule::repeated(event, rounds, delta)? {
                Some(schedule) => Self::Losses(Arc::new(schedule)),
                None => Self::Open,
            },
            _ => Self::Exact(mu_squared(event, accountant)?),
        })
    }

    fn after(&self, rounds: u32, delta: DeltaProbability) -> Epsilon {
        match self {
            Self::Renyi(curve) => curve.repeated(rounds).epsilon(delta),
            Self::Concentrated(rho) => epsilon_of_zcdp(f64::from(rounds) * rho, delta),
            Self::Exact(squared) => epsilon_of_mu((f64::from(rounds) * squared).sqrt(), delta),
            Self::Losses(schedule) => schedule.after(rounds),
            Self::Open => Epsilon::INFINITE,
        }
    }
}

/// A schedule that cannot be priced.
#[derive(Clone, Debug, Error, PartialEq)]
pub enum PricesError {
    /// No theorem.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// No rounds.
    #[error("a schedule has at least one round")]
    NoRounds,
    /// No accountant has this name.
    #[error("no accountant is called {name:?}: there are exact-gaussian, zcdp, rdp and pld")]
    UnknownAccountant {
        /// The name.
        name: String,
    },
}

impl Prices {
    /// Prices `rounds` repetitions of `round_event`, after each of them.
    ///
    /// # Errors
    /// [`PricesError`] when no accountant has a theorem, or there is no round.
    pub fn of(round_event: &DpEvent, rounds: u32, delta: DeltaProbability) -> Result<Self, PricesError> {
        if rounds == 0 {
            return Err(PricesError::NoRounds);
        }
        let (quote, round) = Round::tightest(round_event, rounds, delta)?;
        Ok(Self { accountant: quote.accountant, round, rounds, delta })
    }

    /// The same, by one accountant, which need not be the tightest.
    ///
    /// # Errors
    /// [`PricesError`] when it is not known, has no theorem, or there is no round.
    pub fn by(
        accountant: &str,
        round_event: &DpEvent,
        rounds: u32,
        delta: DeltaProbability,
    ) -> Result<Self, PricesError> {
        if rounds == 0 {
            return Err(PricesError::NoRounds);
        }
        let known = NAMES.into_iter().find(|name| *name == accountant);
        let accountant = known.ok_or_else(|| PricesError::UnknownAccountant { name: accountant.to_owned() })?;
        let round = Round::by(accountant, round_event, rounds, delta)?;
        Ok(Self { accountant, round, rounds, delta })
    }

    /// Name of the accountant.
    #[must_use]
    pub fn accountant(&self) -> &'static str {
        self.accountant
    }

    /// Loss after `rounds` rounds; infinite beyond the schedule.
    #[must_use]
    pub fn after(&self, rounds: u32) -> Epsilon {
        if rounds == 0 {
            return Epsilon::ZERO;
        }
        if rounds > self.rounds {
            return Epsilon::INFINITE;
        }
        self.round.after(rounds, self.delta)
    }

    /// Rounds of the schedule.
    #[must_use]
    pub fn rounds(&self) -> u32 {
        self.rounds
    }

    /// How many rounds `epsilon` pays for. The price of the number returned is itself at most `epsilon`.
    #[must_use]
    pub fn affordable(&self, epsilon: Epsilon) -> u32 {
        // Prices rise with rounds, so the search halves: `low` is affordable, `high` is not.
        let (mut low, mut high) = (0, self.rounds);
        if self.after(high) <= epsilon {
            return high;
        }
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.after(middle) <= epsilon {
                low = middle;
            } else {
                high = middle;
            }
        }
        low
    }
}
