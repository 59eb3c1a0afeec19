//! One release of one mechanism, without sampling: its divergence at any order.

use super::{Shares, distributed::Skellam, laplace};
use crate::{
    accountant::{Refusal, gaussian::one_gaussian},
    event::DpEvent,
};

/// What is needed of a mechanism to know its divergence.
pub(super) enum Release {
    /// Nothing is promised.
    Open,
    /// Gaussian of sensitivity over sigma `mu`.
    Gaussian { mu: f64 },
    /// Divergence `rho alpha` at every order.
    Concentrated { rho: f64 },
    /// Laplace of l1 sensitivity over scale `epsilon`.
    Laplace { epsilon: f64 },
    /// Discrete Laplace of scale `1 / rate` and l1 sensitivity `shift`.
    DiscreteLaplace { rate: f64, shift: f64 },
    /// Discrete Gaussian in shares.
    Shares(Shares),
    /// Skellam in shares.
    Skellam(Skellam),
}

impl Release {
    /// `None` for an event that is no single release.
    pub(super) fn of(event: &DpEvent) -> Result<Option<Self>, Refusal> {
        if let Some(mu) = one_gaussian(event) {
            return Ok(Some(Self::Gaussian { mu }));
        }
        Ok(Some(match event {
            DpEvent::NonPrivate => Self::Open,
            DpEvent::DiscreteGaussian { sigma, bound, relation, .. } => {
                let ratio = relation.sensitivity(bound.get()) / sigma.get();
                Self::Concentrated { rho: ratio * ratio / 2.0 }
            }
            DpEvent::Laplace { scale, bound, relation, .. } => {
                Self::Laplace { epsilon: relation.sensitivity(bound.get()) / scale.get() }
            }
            DpEvent::DiscreteLaplace { scale, bound, relation, .. } => {
                Self::DiscreteLaplace { rate: 1.0 / scale.get(), shift: relation.sensitivity(bound.get() as f64) }
            }
            DpEvent::DistributedDiscreteGaussian(noise) => {
                Self::Shares(Shares::new(noise).ok_or_else(|| Refusal::new("rdp", event))?)
            }
            DpEvent::DistributedSkellam(noise) => Self::Skellam(Skellam::new(noise)),
            _ => return Ok(None),
        }))
    }

    /// Upper bound on the Renyi divergence of order `order`, in both directions.
    ///
    /// # Source
    /// Gaussian: Mironov 2017, Corollary 3. Discrete Gaussian: Canonne, Kamath and Steinke 2020, Theorem 14.
    pub(super) fn divergence(&self, order: f64) -> f64 {
        match self {
            Self::Open => f64::INFINITY,
            Self::Gaussian { mu } => order * mu * mu / 2.0,
            Self::Concentrated { rho } => order * rho,
            Self::Laplace { epsilon } => laplace::continuous(*epsilon, order),
            Self::DiscreteLaplace { rate, shift } => laplace::discrete(*rate, *shift, order),
            Self::Shares(shares) => shares.divergence(order),
            Self::Skellam(skellam) => skellam.divergence(order),
        }
    }
}

/// Upper bound on the divergence of a real order from those of the integers beside it: `(alpha - 1)` times the divergence is
/// convex in `alpha` (Wang, Balle and Kasiviswanathan 2019, Corollary 10) and 0 at order 1.
pub(super) fn between_integers(order: f64, mut divergence: impl FnMut(f64) -> f64) -> f64 {
    let mut scaled = |order: f64| if order == 1.0 { 0.0 } else { (order - 1.0) * divergence(order) };
    let share = order.fract();
    if share == 0.0 {
        return divergence(order);
    }
    ((1.0 - share) * scaled(order.floor()) + share * scaled(order.ceil())) / (order - 1.0)
}
