//! Renyi differential privacy at a fixed set of orders.

use std::sync::{Arc, LazyLock};

use super::{Accountant, Refusal, outward, sampled_gaussian::renyi_divergence};
use crate::{
    event::DpEvent,
    units::{DeltaProbability, Epsilon},
};

/// The orders that published accountants evaluate by default: 1.1 to 10.9 by 0.1, 11 to 63, 128, 256, 512, 1024.
pub static STANDARD_ORDERS: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let tenths = (11..110).map(|tenth| f64::from(tenth) / 10.0);
    tenths.chain((11..64).map(f64::from)).chain([128.0, 256.0, 512.0, 1024.0]).collect()
});

/// A superset of the standard orders: closer to 1 for large losses, denser above 63 for small ones.
static FINE_ORDERS: LazyLock<Arc<[f64]>> = LazyLock::new(|| {
    let near_one = [1.02, 1.04, 1.06, 1.08].into_iter();
    let twentieths = (22..240).map(|twentieth| f64::from(twentieth) / 20.0);
    let integers = (12..64).chain((64..128).step_by(4)).chain((128..256).step_by(16));
    let sparse = [256, 320, 384, 448, 512, 640, 768, 896, 1024, 1536, 2048].into_iter();
    near_one.chain(twentieths).chain(integers.chain(sparse).map(f64::from)).collect()
});

/// Renyi accountant of the Gaussian mechanism, with or without Poisson sampling.
///
/// # Guarantee
/// For each order `alpha` the Renyi divergence between the two worlds is bounded, in both directions; divergences add
/// under adaptive composition (Mironov 2017, Proposition 1); the conversion holds for every order, so the minimum over a
/// fixed set of orders is a guarantee for a schedule fixed in advance.
///
/// # Source
/// Mironov, Talwar and Zhang 2019 (1908.10530), Theorems 4 and 5 and section 3.3; conversion: Canonne, Kamath and
/// Steinke 2020 (2004.00010), Proposition 12.
#[derive(Clone, Debug)]
pub struct RdpAccountant {
    orders: Arc<[f64]>,
}

/// Renyi divergences of one event at the accountant's orders.
#[derive(Clone, Debug)]
pub struct RdpCurve {
    orders: Arc<[f64]>,
    divergences: Vec<f64>,
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
    /// [`Refusal`] for Poisson sampling of anything but one Gaussian release.
    pub fn curve(&self, event: &DpEvent) -> Result<RdpCurve, Refusal> {
        let each = |divergence: &dyn Fn(f64) -> f64| RdpCurve {
            orders: self.orders.clone(),
            divergences: self.orders.iter().map(|order| divergence(*order)).collect(),
        };
        Ok(match event {
            DpEvent::NonPrivate => each(&|_| f64::INFINITY),
            DpEvent::Gaussian { sigma, sensitivity } => {
                let multiplier = sigma.get() / sensitivity.get();
                each(&|order| renyi_divergence(1.0, multiplier, order))
            }
            DpEvent::PoissonSampled { rate, of } => match of.as_ref() {
                DpEvent::NonPrivate => each(&|_| f64::INFINITY),
                DpEvent::Gaussian { sigma, sensitivity } => {
                    let multiplier = sigma.get() / sensitivity.get();
                    each(&|order| renyi_divergence(rate.get(), multiplier, order))
                }
                _ => return Err(Refusal::new("rdp", event)),
            },
            DpEvent::Repeated { count, of } => self.curve(of)?.repeated(*count),
            DpEvent::Composed { of } => {
                of.iter().try_fold(each(&|_| 0.0), |sum, event| Ok(sum.plus(&self.curve(event)?)))?
            }
        })
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

impl RdpCurve {
    /// The curve of `count` repetitions.
    #[must_use]
    pub fn repeated(&self, count: u32) -> Self {
        let times = |divergence: &f64| if count == 0 { 0.0 } else { f64::from(count) * divergence };
        Self { orders: self.orders.clone(), divergences: self.divergences.iter().map(times).collect() }
    }

    fn plus(&self, other: &Self) -> Self {
        let divergences = self.divergences.iter().zip(&other.divergences).map(|(left, right)| left + right).collect();
        Self { orders: self.orders.clone(), divergences }
    }

    /// The divergence at each order.
    pub fn divergences(&self) -> impl Iterator<Item = (f64, f64)> + '_ {
        self.orders.iter().copied().zip(self.divergences.iter().copied())
    }

    /// The best conversion over all orders.
    #[must_use]
    pub fn epsilon(&self, delta: DeltaProbability) -> Epsilon {
        let all = self.divergences().map(|(order, divergence)| convert(order, divergence, delta.get()));
        outward(all.fold(f64::INFINITY, f64::min))
    }
}

/// Epsilon from one order: Canonne, Kamath and Steinke 2020, Proposition 12; zero where the divergence bounds the total
/// variation below delta (`delta^2 > 1 - e^-r`: Bretagnolle-Huber, with the Kullback-Leibler divergence at most `r`).
fn convert(order: f64, divergence: f64, delta: f64) -> f64 {
    if !divergence.is_finite() {
        // Infinite, or NaN by a defect in the arithmetic: this order promises nothing.
        return f64::INFINITY;
    }
    if delta * delta + (-divergence).exp_m1() > 0.0 {
        return 0.0;
    }
    (divergence + (-1.0 / order).ln_1p() - (delta * order).ln() / (order - 1.0)).max(0.0)
}
