//! Divergences of one event, and what they convert to.

use std::sync::Arc;

use crate::{
    accountant::outward,
    units::{DeltaProbability, Epsilon},
};

/// Renyi divergences of one event at the accountant's orders.
#[derive(Clone, Debug)]
pub struct RdpCurve {
    pub(super) orders: Arc<[f64]>,
    pub(super) divergences: Vec<f64>,
}

impl RdpCurve {
    /// The curve of `count` repetitions.
    #[must_use]
    pub fn repeated(&self, count: u32) -> Self {
        let times = |divergence: &f64| if count == 0 { 0.0 } else { f64::from(count) * divergence };
        Self { orders: self.orders.clone(), divergences: self.divergences.iter().map(times).collect() }
    }

    pub(super) fn plus(&self, other: &Self) -> Self {
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
