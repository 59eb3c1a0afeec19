//! A Poisson sample of which at most a cap is counted, so that one device can displace another.

use super::{
    density::{Density, integrate},
    mixture::GaussianMixture,
    pair::{Atom, Pair},
    replaced::ReplacedGaussian,
};
use crate::event::Relation;

/// What decides the privacy of one round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Truncated {
    /// Bound of one contribution over sigma.
    pub(super) mu: f64,
    pub(super) relation: Relation,
    pub(super) rate: f64,
    /// Probability that the other devices alone fill the cap.
    pub(super) full: f64,
    /// Probability that the device is counted, if they do.
    pub(super) counted: f64,
}

impl Truncated {
    pub(super) fn new(mu: f64, relation: Relation, population: u64, rate: f64, cap: u64) -> Self {
        let full = binomial_tail(population - 1, rate, cap);
        // Whoever is counted of a full sample is uniform in it: cap / population, once more than `cap` are drawn.
        let counted = binomial_tail(population, rate, cap + 1) * cap as f64 / population as f64 / full;
        Self { mu, relation, rate, full, counted: if full > 0.0 { counted.clamp(0.0, 1.0) } else { 0.0 } }
    }

    /// The same sample with other noise.
    pub(super) fn with_mu(self, mu: f64) -> Self {
        Self { mu, ..self }
    }

    /// The dominating pair.
    ///
    /// # Guarantee
    /// Let the others' number, whether they fill the cap, be known (more can only be known). If they do not, the round is a Poisson
    /// sample. If they do, the cap's others are uniform among them, whoever else is drawn; couple the worlds so that the device, if
    /// counted, takes the place of one of them. Then, around the sum of the others, the device moves the mean by `x - y`, `y` being
    /// the one displaced: by 2 at most, in units of the bound.
    ///
    /// Replace-one: both worlds mix in a mean of norm at most 2: [`ReplacedGaussian`] of `2 mu`. Zero-out: one world mixes in `x - y`, the
    /// other `-y`, with `|x|, |y| <= 1`. By advanced joint convexity (Balle, Barthe and Gaboardi 2018, Theorem 2) the hockey stick at
    /// `alpha >= 1` is at most that of `(1 - p) N(0) + p N(2 mu)` against `N(0)`, in either direction: a curve whose outcomes above
    /// loss 0 are that pair's, whose outcomes below are the reversed pair's, and which has the rest at 0. Really adding or removing
    /// the device gives one of these directions, and is covered.
    ///
    /// # Source
    /// The model is that of 2508.15089; the zero-out bound is derived here.
    pub(super) fn pair(&self, reversed: bool, reach: f64) -> Pair {
        let (rest, mu) = (1.0 - self.full, 2.0 * self.mu);
        if self.relation == Relation::ReplaceOne {
            let sampled = ReplacedGaussian { rate: self.rate, mu: self.mu, share: rest, reach };
            let displaced = ReplacedGaussian { rate: self.counted, mu, share: self.full, reach };
            let densities: Vec<Box<dyn Density>> =
                if self.full > 0.0 { vec![Box::new(sampled), Box::new(displaced)] } else { vec![Box::new(sampled)] };
            return Pair { densities, atoms: Vec::new(), infinite: 0.0 };
        }
        let sampled = GaussianMixture { rate: self.rate, mu: self.mu, reversed, half: false, share: rest, reach };
        let mut pair = Pair { densities: vec![Box::new(sampled)], atoms: Vec::new(), infinite: 0.0 };
        if self.full > 0.0 {
            let half = |reversed| {
                Box::new(GaussianMixture { rate: self.counted, mu, reversed, half: true, share: self.full, reach })
            };
            let (above, below) = (half(false), half(true));
            let mass = |density: &GaussianMixture| {
                let (start, end) = density.range();
                integrate(density, start, end, 0.0).mass
            };
            let equal = (self.full - mass(&above) - mass(&below)).max(0.0);
            pair.atoms.push(Atom { loss: 0.0, mass: equal });
            pair.densities.push(above);
            pair.densities.push(below);
        }
        pair
    }
}

/// `P(Bin(n, q) >= k)`, from its largest term on; relative error below 1e-10, and then rounded up.
fn binomial_tail(n: u64, q: f64, k: u64) -> f64 {
    if k > n {
        return 0.0;
    }
    if k == 0 || q >= 1.0 {
        return 1.0;
    }
    let (n_f, ln_q, ln_rest) = (n as f64, q.ln(), (-q).ln_1p());
    let ln_term = |i: u64| {
        let i = i as f64;
        libm::lgamma(n_f + 1.0) - libm::lgamma(i + 1.0) - libm::lgamma(n_f - i + 1.0) + i * ln_q + (n_f - i) * ln_rest
    };
    let ratio = |i: u64| (n - i) as f64 / (i + 1) as f64 * (q / (1.0 - q));
    // Above the mode terms fall and the tail is summed; below it, what is missing from 1.
    if k as f64 >= n_f * q {
        let (mut term, mut sum) = (1.0, 0.0);
        for i in k..=n {
            sum += term;
            term *= ratio(i);
            if term < sum * 1e-18 {
                break;
            }
        }
        (ln_term(k) + sum.ln()).exp().min(1.0) * (1.0 + 1e-9)
    } else {
        let (mut term, mut sum) = (1.0, 0.0);
        for i in (0..k).rev() {
            sum += term;
            if i > 0 {
                term /= ratio(i - 1);
            }
            if term < sum * 1e-18 {
                break;
            }
        }
        (1.0 - (ln_term(k - 1) + sum.ln()).exp() * (1.0 - 1e-9)).clamp(0.0, 1.0)
    }
}
