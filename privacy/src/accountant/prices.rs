//! What a fixed schedule costs, by the tightest sound accountant.

use thiserror::Error;

use super::{
    Accountant, ExactGaussian, RdpAccountant, RdpCurve, Refusal, ZcdpAccountant, epsilon_of_zcdp,
    gaussian::{epsilon_of_mu, zcdp_of},
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
    let rdp = RdpAccountant::default();
    let accountants: [&dyn Accountant; 3] = [&ExactGaussian, &ZcdpAccountant, &rdp];
    let mut best: Option<Quote> = None;
    let mut refusal = None;
    for accountant in accountants {
        match accountant.epsilon(event, delta) {
            Ok(epsilon) if best.is_none_or(|best| epsilon < best.epsilon) => {
                best = Some(Quote { epsilon, accountant: accountant.name() });
            }
            Ok(_) => {}
            Err(refused) => refusal = Some(refused),
        }
    }
    best.ok_or_else(|| refusal.unwrap_or(Refusal::new("rdp", event)))
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
    /// `mu^2 / 2` adds.
    Exact(f64),
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
        let accountant = tightest(&round_event.clone().repeated(rounds), delta)?.accountant;
        let round = match accountant {
            "rdp" => Round::Renyi(RdpAccountant::default().curve(round_event)?),
            "zcdp" => Round::Concentrated(zcdp_of(round_event, accountant)?),
            _ => Round::Exact(zcdp_of(round_event, accountant)?),
        };
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
        match &self.round {
            Round::Renyi(curve) => curve.repeated(rounds).epsilon(self.delta),
            Round::Concentrated(rho) => epsilon_of_zcdp(f64::from(rounds) * rho, self.delta),
            Round::Exact(rho) => epsilon_of_mu((2.0 * f64::from(rounds) * rho).sqrt(), self.delta),
        }
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
