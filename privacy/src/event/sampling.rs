//! Claims about who took part, where their numbers must fit each other.

use std::num::{NonZeroU32, NonZeroU64};

use serde::{Deserialize, Serialize};

use super::{DpEvent, InvalidEvent, Relation};
use crate::units::SamplingRate;

/// `of` on a Poisson sample of which at most `cap` devices, chosen uniformly among those sampled, are counted: one device
/// can displace another (2508.15089). Under [`Relation::ZeroOut`] the population is its size with
/// the device in question.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawTruncatedPoisson")]
pub struct TruncatedPoisson {
    population: NonZeroU64,
    rate: SamplingRate,
    cap: NonZeroU64,
    of: Box<DpEvent>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawTruncatedPoisson {
    population: NonZeroU64,
    rate: SamplingRate,
    cap: NonZeroU64,
    of: DpEvent,
}

impl TruncatedPoisson {
    /// A sample of `population` devices at `rate`, of which at most `cap` are counted.
    ///
    /// # Errors
    /// [`InvalidEvent::CohortAbovePopulation`] when the cap is larger than the population.
    pub fn new(population: NonZeroU64, rate: SamplingRate, cap: NonZeroU64, of: DpEvent) -> Result<Self, InvalidEvent> {
        within(cap, population)?;
        Ok(Self { population, rate, cap, of: Box::new(of) })
    }

    /// Devices enrolled.
    #[must_use]
    pub fn population(&self) -> NonZeroU64 {
        self.population
    }

    /// Probability of the coin.
    #[must_use]
    pub fn rate(&self) -> SamplingRate {
        self.rate
    }

    /// Most devices that are counted.
    #[must_use]
    pub fn cap(&self) -> NonZeroU64 {
        self.cap
    }

    /// What ran on those counted.
    #[must_use]
    pub fn of(&self) -> &DpEvent {
        &self.of
    }
}

impl TryFrom<RawTruncatedPoisson> for TruncatedPoisson {
    type Error = InvalidEvent;

    fn try_from(raw: RawTruncatedPoisson) -> Result<Self, InvalidEvent> {
        Self::new(raw.population, raw.rate, raw.cap, raw.of)
    }
}

/// `of` on a secret subset of exactly `cohort` devices out of `population`, uniform among all such subsets. Stated under
/// [`Relation::ReplaceOne`] only: zeroing a device out would leave the size of the sample unexplained.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawSampledWithoutReplacement")]
pub struct SampledWithoutReplacement {
    population: NonZeroU64,
    cohort: NonZeroU64,
    of: Box<DpEvent>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawSampledWithoutReplacement {
    population: NonZeroU64,
    cohort: NonZeroU64,
    of: DpEvent,
}

impl SampledWithoutReplacement {
    /// `cohort` devices out of `population`.
    ///
    /// # Errors
    /// [`InvalidEvent`] when the cohort is larger than the population, or `of` is stated under another relation.
    pub fn new(population: NonZeroU64, cohort: NonZeroU64, of: DpEvent) -> Result<Self, InvalidEvent> {
        within(cohort, population)?;
        match of.relation()? {
            None | Some(Relation::ReplaceOne) => Ok(Self { population, cohort, of: Box::new(of) }),
            Some(found) => Err(InvalidEvent::SampleSizeUnder { found, needed: Relation::ReplaceOne }),
        }
    }

    /// Devices enrolled.
    #[must_use]
    pub fn population(&self) -> NonZeroU64 {
        self.population
    }

    /// Devices drawn.
    #[must_use]
    pub fn cohort(&self) -> NonZeroU64 {
        self.cohort
    }

    /// What ran on those drawn.
    #[must_use]
    pub fn of(&self) -> &DpEvent {
        &self.of
    }
}

impl TryFrom<RawSampledWithoutReplacement> for SampledWithoutReplacement {
    type Error = InvalidEvent;

    fn try_from(raw: RawSampledWithoutReplacement) -> Result<Self, InvalidEvent> {
        Self::new(raw.population, raw.cohort, raw.of)
    }
}

/// A block of `rounds` releases of `of`. Before the first, each device was secretly, uniformly and independently of all others
/// assigned `selected` different rounds; it contributes in those and zero elsewhere, and is never assigned again. The whole
/// block is one event.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "RawAllocation")]
pub struct Allocation {
    rounds: NonZeroU32,
    selected: NonZeroU32,
    of: Box<DpEvent>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAllocation {
    rounds: NonZeroU32,
    selected: NonZeroU32,
    of: DpEvent,
}

impl Allocation {
    /// `selected` secret rounds out of `rounds` for each device.
    ///
    /// # Errors
    /// [`InvalidEvent::SelectedAboveRounds`] when there are fewer rounds.
    pub fn new(rounds: NonZeroU32, selected: NonZeroU32, of: DpEvent) -> Result<Self, InvalidEvent> {
        if selected > rounds {
            return Err(InvalidEvent::SelectedAboveRounds { selected: selected.get(), rounds: rounds.get() });
        }
        Ok(Self { rounds, selected, of: Box::new(of) })
    }

    /// Rounds of the block.
    #[must_use]
    pub fn rounds(&self) -> NonZeroU32 {
        self.rounds
    }

    /// Rounds of each device.
    #[must_use]
    pub fn selected(&self) -> NonZeroU32 {
        self.selected
    }

    /// What each round releases.
    #[must_use]
    pub fn of(&self) -> &DpEvent {
        &self.of
    }
}

impl TryFrom<RawAllocation> for Allocation {
    type Error = InvalidEvent;

    fn try_from(raw: RawAllocation) -> Result<Self, InvalidEvent> {
        Self::new(raw.rounds, raw.selected, raw.of)
    }
}

fn within(cohort: NonZeroU64, population: NonZeroU64) -> Result<(), InvalidEvent> {
    if cohort <= population {
        Ok(())
    } else {
        Err(InvalidEvent::CohortAbovePopulation { cohort: cohort.get(), population: population.get() })
    }
}
