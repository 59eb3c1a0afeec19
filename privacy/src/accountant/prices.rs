//! What a fixed schedule costs, by the tightest sound accountant.

use thiserror::Error;

use super::{Accountant, ExactGaussian, RdpAccountant, Refusal, ZcdpAccountant};
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
    after: Vec<Epsilon>,
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
        let whole = tightest(&round_event.clone().repeated(rounds), delta)?;
        let after = if whole.accountant == "rdp" {
            let curve = RdpAccountant::default().curve(round_event)?;
            (1..=rounds).map(|count| curve.repeated(count).epsilon(delta)).collect()
        } else {
            let price = |count| tightest_by(whole.accountant, &round_event.clone().repeated(count), delta);
            (1..=rounds).map(price).collect::<Result<_, Refusal>>()?
        };
        Ok(Self { accountant: whole.accountant, after })
    }

    /// Name of the accountant.
    #[must_use]
    pub fn accountant(&self) -> &'static str {
        self.accountant
    }

    /// Loss after `rounds` rounds; infinite beyond the schedule.
    #[must_use]
    pub fn after(&self, rounds: u32) -> Epsilon {
        match rounds {
            0 => Epsilon::ZERO,
            _ => self.after.get(rounds as usize - 1).copied().unwrap_or(Epsilon::INFINITE),
        }
    }

    /// Rounds of the schedule.
    #[must_use]
    pub fn rounds(&self) -> u32 {
        self.after.len() as u32
    }

    /// How many rounds `epsilon` pays for.
    #[must_use]
    pub fn affordable(&self, epsilon: Epsilon) -> u32 {
        self.after.iter().take_while(|price| **price <= epsilon).count() as u32
    }
}

fn tightest_by(accountant: &str, event: &DpEvent, delta: DeltaProbability) -> Result<Epsilon, Refusal> {
    if accountant == "zcdp" { ZcdpAccountant.epsilon(event, delta) } else { ExactGaussian.epsilon(event, delta) }
}
