//! Renyi differential privacy at a fixed set of orders.

mod curve;
mod distributed;
mod laplace;
mod log_sum;
mod orders;
mod poisson;
mod release;
mod sampled_gaussian;
mod without_replacement;

pub use curve::RdpCurve;
pub(super) use distributed::Shares;
pub use orders::STANDARD_ORDERS;

use std::sync::Arc;

use super::{Accountant, Refusal, gaussian::everybody};
use crate::{
    event::{DpEvent, Relation},
    units::{DeltaProbability, Epsilon},
};
use orders::FINE_ORDERS;
use release::Release;

/// Renyi accountant: every mechanism by itself, on a Poisson sample (zero-out), or on a sample without replacement
/// (replace-one).
///
/// # Guarantee
/// For each order `alpha` the Renyi divergence between the two worlds is bounded, in both directions; divergences add
/// under adaptive composition (Mironov 2017, Proposition 1); the conversion holds for every order, so the minimum over a
/// fixed set of orders is a guarantee for a schedule fixed in advance.
///
/// # Source
/// One file for each family of theorems names its own. Conversion: Canonne, Kamath and Steinke 2020 (2004.00010),
/// Proposition 12.
#[derive(Clone, Debug)]
pub struct RdpAccountant {
    orders: Arc<[f64]>,
}

impl Default for RdpAccountant {
    fn default() -> Self {
        Self { orders: FINE_ORDERS.clone() }
    }
}

impl RdpAccountant {
    /// Evaluates these orders only. Orders of 1.01 and below convert badly and are left out; so are NaN and orders above
    /// 65,536, whose sums are long and help nobody.
    #[must_use]
    pub fn with_orders(orders: &[f64]) -> Self {
        Self { orders: orders.iter().copied().filter(|order| *order > 1.01 && *order <= 65_536.0).collect() }
    }

    /// The divergences of `event`: computed once, then cheap to repeat.
    ///
    /// # Errors
    /// [`Refusal`] for a sampled event without a theorem, and for mixed relations.
    pub fn curve(&self, event: &DpEvent) -> Result<RdpCurve, Refusal> {
        event.relation()?;
        self.unmixed(event)
    }

    fn unmixed(&self, event: &DpEvent) -> Result<RdpCurve, Refusal> {
        let event = everybody(event);
        if let Some(release) = Release::of(event)? {
            return Ok(self.each(|order| release.divergence(order)));
        }
        match event {
            DpEvent::PoissonSampled { rate, of } => {
                // A sampled tree or run of a matrix mechanism is no Gaussian on a sample: its rounds share one sample.
                let whole_run =
                    matches!(of.as_ref(), DpEvent::TreeAggregation { .. } | DpEvent::MatrixFactorisation(_));
                let release = if whole_run { None } else { Release::of(of)? };
                let release = release.ok_or_else(|| Refusal::new("rdp", event))?;
                under(event, Relation::ZeroOut)?;
                Ok(match release {
                    Release::Gaussian { mu } => {
                        self.each(|order| sampled_gaussian::renyi_divergence(rate.get(), 1.0 / mu, order))
                    }
                    release => self.curve_of(poisson::divergences(rate.get(), &release, &self.orders)),
                })
            }
            DpEvent::SampledWithoutReplacement(sampled) => {
                let whole_run =
                    matches!(sampled.of(), DpEvent::TreeAggregation { .. } | DpEvent::MatrixFactorisation(_));
                let release = if whole_run { None } else { Release::of(sampled.of())? };
                let release = release.ok_or_else(|| Refusal::new("rdp", event))?;
                under(event, Relation::ReplaceOne)?;
                let share = sampled.cohort().get() as f64 / sampled.population().get() as f64;
                Ok(self.curve_of(without_replacement::divergences(share, &release, &self.orders)))
            }
            DpEvent::Repeated { count, of } => Ok(self.unmixed(of)?.repeated(*count)),
            DpEvent::Composed { of } => {
                of.iter().try_fold(self.each(|_| 0.0), |sum, event| Ok(sum.plus(&self.unmixed(event)?)))
            }
            other => Err(Refusal::new("rdp", other)),
        }
    }

    fn each(&self, divergence: impl FnMut(f64) -> f64) -> RdpCurve {
        self.curve_of(self.orders.iter().copied().map(divergence).collect())
    }

    fn curve_of(&self, divergences: Vec<f64>) -> RdpCurve {
        RdpCurve { orders: self.orders.clone(), divergences }
    }
}

/// Refuses an event that is stated under another relation than the theorem's.
fn under(event: &DpEvent, known: Relation) -> Result<(), Refusal> {
    match event.relation()? {
        Some(stated) if stated != known => Err(Refusal::relation("rdp", event, stated, known)),
        _ => Ok(()),
    }
}

impl Accountant for RdpAccountant {
    fn name(&self) -> &'static str {
        "rdp"
    }

    fn epsilon(&self, event: &DpEvent, delta: DeltaProbability) -> Result<Epsilon, Refusal> {
        Ok(self.curve(event)?.epsilon(delta))
    }
}
