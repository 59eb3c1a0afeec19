//! Who prices, and what each of them says.

use clap::ValueEnum;
use murmur_privacy::{
    DpEvent,
    accountant::{
        Accountant, Calibration, ExactGaussian, PldAccountant, Quote, RdpAccountant, Refusal, ZcdpAccountant,
    },
    units::{DeltaProbability, Epsilon},
};

/// The accountant that is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub enum Choice {
    /// Renyi differential privacy.
    Rdp,
    /// Privacy loss distributions.
    Pld,
    /// Zero-concentrated differential privacy.
    Zcdp,
    /// The smallest of all sound bounds, which is sound for a schedule fixed in advance.
    #[default]
    Tightest,
}

/// What one accountant says.
#[derive(Clone, Debug)]
pub struct Priced {
    /// Its name.
    pub accountant: &'static str,
    /// Its bound, or why it has none.
    pub epsilon: Result<Epsilon, Refusal>,
}

/// What all of them say of one event.
#[derive(Clone, Debug)]
pub struct Table {
    /// In the order in which [`tightest`](murmur_privacy::accountant::tightest) asks them.
    pub all: Vec<Priced>,
    /// No sound accountant of the same dominating pairs claims less; there is one where loss distributions are known.
    pub lower: Option<Epsilon>,
}

impl Choice {
    /// Its name on the command line.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Rdp => "rdp",
            Self::Pld => "pld",
            Self::Zcdp => "zcdp",
            Self::Tightest => "tightest",
        }
    }

    /// Searches parameters by this accountant.
    pub(super) fn calibrate<T>(
        self,
        target: Epsilon,
        delta: DeltaProbability,
        search: impl FnOnce(Calibration<'_>) -> T,
    ) -> T {
        match self {
            Self::Rdp => search(Calibration::by(&RdpAccountant::default(), target, delta)),
            Self::Pld => search(Calibration::by(&PldAccountant, target, delta)),
            Self::Zcdp => search(Calibration::by(&ZcdpAccountant, target, delta)),
            Self::Tightest => search(Calibration::tightest(target, delta)),
        }
    }
}

impl Table {
    /// Asks every accountant.
    #[must_use]
    pub fn of(event: &DpEvent, delta: DeltaProbability) -> Self {
        let by = |accountant: &dyn Accountant| Priced {
            accountant: accountant.name(),
            epsilon: accountant.epsilon(event, delta),
        };
        let bounds = PldAccountant.bounds(event, delta);
        let lower = bounds.as_ref().ok().map(|bounds| bounds.lower);
        let pld = Priced { accountant: PldAccountant.name(), epsilon: bounds.map(|bounds| bounds.upper) };
        let all = vec![by(&ExactGaussian), by(&ZcdpAccountant), pld, by(&RdpAccountant::default())];
        Self { all, lower }
    }

    /// The bound of the accountant chosen.
    ///
    /// # Errors
    /// [`Refusal`] when it has no theorem.
    pub fn chosen(&self, choice: Choice) -> Result<Quote, Refusal> {
        let mut best: Option<Quote> = None;
        let mut refusal = None;
        for priced in self.all.iter().filter(|priced| choice == Choice::Tightest || priced.accountant == choice.name())
        {
            match &priced.epsilon {
                Ok(epsilon) if best.is_none_or(|best| *epsilon < best.epsilon) => {
                    best = Some(Quote { epsilon: *epsilon, accountant: priced.accountant });
                }
                Ok(_) => {}
                Err(refused) => refusal = Some(refused.clone()),
            }
        }
        match (best, refusal) {
            (Some(best), _) => Ok(best),
            (None, Some(refusal)) => Err(refusal),
            // Every choice names an accountant of the table.
            (None, None) => Ok(Quote { epsilon: Epsilon::INFINITE, accountant: choice.name() }),
        }
    }
}
