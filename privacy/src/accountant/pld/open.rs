//! Noise so small that it hides nothing: integrals over it would be long, and no epsilon of it is of any use.

use super::{lattice::Side, pair::Outcome, pair::Release};

/// More standard deviations than this between the two worlds are counted as if every outcome told them apart: a sampled Gaussian
/// release then costs an epsilon of 2,000 and more.
const MOST_MU: f64 = 64.0;
/// The same without sampling, where integrals are short.
const MOST_MU_OF_ALL: f64 = 1024.0;
/// The same for Laplace noise, whose loss is at most this.
const MOST_SHIFT: f64 = 256.0;
/// `mu` times the farthest outcome that is looked at, for likelihood ratios that are worked with as such and not as logarithms.
const LARGEST_EXPONENT: f64 = 300.0;

impl Release {
    /// The release itself, or where it has next to no noise one that bounds it from `side`: more revealing is that all but who was
    /// sampled is known, less revealing is more noise (of which this release is a function, noise being added).
    pub(super) fn curbed(&self, tail: f64, side: Side) -> Self {
        match (self.excessive(tail), side) {
            (None, _) => self.clone(),
            (Some(Excess { rate, replaced, .. }), Side::Pessimistic) => {
                // Without the device; with it; with the one that took its place.
                let absent = Outcome { with: 1.0 - rate, without: if replaced { 1.0 - rate } else { 1.0 } };
                let mut outcomes = vec![absent, Outcome { with: rate, without: 0.0 }];
                if replaced {
                    outcomes.push(Outcome { with: 0.0, without: rate });
                }
                Self::Outcomes { outcomes: outcomes.into(), lost: 0.0 }
            }
            (Some(Excess { noisier, .. }), Side::Optimistic) => noisier,
        }
    }

    fn excessive(&self, tail: f64) -> Option<Excess> {
        let (rate, replaced, noisier) = match self {
            Self::Gaussian { mu, rate } => {
                let most = if *rate == 1.0 { MOST_MU_OF_ALL } else { MOST_MU };
                if *mu <= most {
                    return None;
                }
                (*rate, false, Self::Gaussian { mu: most, rate: *rate })
            }
            Self::ReplacedGaussian { mu, rate } if *mu > MOST_MU => {
                (*rate, true, Self::ReplacedGaussian { mu: MOST_MU, rate: *rate })
            }
            // Whoever is counted was sampled, and whoever is not may be displaced by it.
            Self::Truncated(truncated) if truncated.mu > MOST_MU => {
                (truncated.rate, true, Self::Truncated(truncated.with_mu(MOST_MU)))
            }
            Self::Laplace { shift, rate } if *shift > MOST_SHIFT => {
                (*rate, false, Self::Laplace { shift: MOST_SHIFT, rate: *rate })
            }
            Self::OneOf { rounds, mu } => {
                let most = most_mu_of_one_round(tail / f64::from(*rounds));
                if *mu <= most {
                    return None;
                }
                (1.0, false, Self::OneOf { rounds: *rounds, mu: most })
            }
            _ => return None,
        };
        Some(Excess { rate, replaced, noisier })
    }
}

/// A release that has next to no noise.
struct Excess {
    rate: f64,
    /// Whether somebody else is in the device's place where it is not.
    replaced: bool,
    noisier: Release,
}

/// The largest `mu` whose likelihood ratio, as far out as `tail` is looked at, is a float with room to spare.
fn most_mu_of_one_round(tail: f64) -> f64 {
    let reach = (-2.0 * tail.ln()).sqrt();
    // mu reach + mu^2 / 2 = the exponent, with the reach of a tail that is split further.
    let reach = reach + 6.0;
    (reach * reach + 2.0 * LARGEST_EXPONENT).sqrt() - reach
}
