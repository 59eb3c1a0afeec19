//! An epsilon with everything it depends on.

use std::fmt;

use murmur_privacy::{
    Relation,
    accountant::Quote,
    ledger::Unit,
    units::{DeltaProbability, Epsilon, SamplingRate},
};
use murmur_round::{guarantee::TRUST, participation::Participation};
use serde::Serialize;

use super::{Choice, downward, upward};

/// What a schedule would promise. An epsilon is never shown without these.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Claim {
    /// What is guaranteed.
    pub epsilon: Epsilon,
    /// Failure probability.
    pub delta: DeltaProbability,
    /// Who vouches for it.
    pub accountant: &'static str,
    /// Who was asked.
    pub asked: &'static str,
    /// No sound accountant of the same dominating pairs claims less; absent where no loss distribution is known.
    pub lower: Option<Epsilon>,
    /// The same number as `epsilon`: the truth lies between `lower` and this.
    pub upper: Epsilon,
    /// What one neighbouring world differs in.
    pub unit: Unit,
    /// Which worlds are compared.
    pub relation: Relation,
    /// What is assumed about who takes part, and who enforces it.
    pub sampling: String,
}

impl Claim {
    /// The claim of a priced schedule of Murmur's rounds.
    pub(super) fn new(
        asked: Choice,
        quote: Quote,
        lower: Option<Epsilon>,
        delta: DeltaProbability,
        rate: SamplingRate,
    ) -> Self {
        let Quote { epsilon, accountant } = quote;
        let lower = lower.map(|lower| if lower < epsilon { lower } else { epsilon });
        let (unit, relation) = (Unit::Device, Relation::ZeroOut);
        Self {
            epsilon,
            delta,
            accountant,
            asked: asked.name(),
            lower,
            upper: epsilon,
            unit,
            relation,
            sampling: assumption(rate),
        }
    }
}

/// How the claim about sampling reads, in the words of the participation that would enforce it.
pub(super) fn assumption(rate: SamplingRate) -> String {
    if rate.get() == 1.0 {
        return "none claimed: every enrolled device in every round".to_owned();
    }
    // Window and quorum do not enter the claim.
    Participation::Poisson { rate, window_seconds: 1, minimum_reports: 1 }.assumption()
}

impl fmt::Display for Claim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "  epsilon     {} at delta {:e}", upward(self.epsilon.get()), self.delta.get())?;
        if let Some(lower) = self.lower.filter(|lower| lower.is_finite()) {
            writeln!(f, "  lower       {}: no sound accountant claims less", downward(lower.get()))?;
        }
        writeln!(f, "  unit        one device: all its data, all its rounds")?;
        writeln!(f, "  relation    {}", self.relation)?;
        writeln!(f, "  accountant  {}", self.accountant)?;
        writeln!(f, "  sampling    {}", self.sampling)?;
        write!(f, "  adversary   {TRUST}")
    }
}
