//! Dominating pairs: for each release, two distributions whose comparison bounds every comparison of neighbours.

use std::sync::Arc;

use super::{
    allocation::one_of,
    density::{Density, integrate},
    laplace::LaplaceSegment,
    lattice::Side,
    mixture::GaussianMixture,
    replaced::ReplacedGaussian,
    truncated::Truncated,
};

/// One direction of a neighbouring pair. The relation has both, and a guarantee must hold in both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Direction {
    /// The device contributed in the world that is compared with the other.
    Removed,
    /// The device contributed in the other world.
    Added,
}

/// What this accountant knows a dominating pair for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Release {
    /// Gaussian noise; the device contributes `mu` standard deviations with probability `rate`.
    Gaussian { mu: f64, rate: f64 },
    /// Gaussian noise; with probability `rate` one contribution of up to `mu` standard deviations is replaced by another.
    ReplacedGaussian { mu: f64, rate: f64 },
    /// A Poisson sample of which a cap is counted.
    Truncated(Truncated),
    /// Laplace noise of scale 1 for a contribution of `shift`, included with probability `rate`.
    Laplace { shift: f64, rate: f64 },
    /// Integer noise, for a contribution of `shift`, included with probability `rate`.
    Integer { noise: IntegerNoise, shift: u32, rate: f64 },
    /// One device's part in a block of `rounds` Gaussian releases, in a secret one of which it contributes `mu`.
    OneOf { rounds: u32, mu: f64 },
    /// Outcomes as they are, and a mass that either world may have beside them.
    Outcomes { outcomes: Arc<[Outcome]>, lost: f64 },
}

impl Release {
    /// The release with what takes time done once: a pair that can only be approached is, from `side`.
    pub(super) fn prepared(&self, tail: f64, side: Side) -> Self {
        match self.curbed(tail, side) {
            Self::OneOf { rounds, mu } => {
                let (outcomes, lost) = one_of(rounds, mu, tail, side);
                Self::Outcomes { outcomes: outcomes.into(), lost }
            }
            curbed => curbed,
        }
    }
}

/// Noise on the integers.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum IntegerNoise {
    /// `e^(-x^2 / (2 sigma^2))`.
    Gaussian { sigma: f64 },
    /// `e^(-decay |x|)`.
    Laplace { decay: f64 },
}

/// One outcome's probability in both worlds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Outcome {
    /// With the device.
    pub(super) with: f64,
    /// Without it.
    pub(super) without: f64,
}

/// A privacy loss and the `P`-mass that has it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Atom {
    pub(super) loss: f64,
    pub(super) mass: f64,
}

/// `P`'s distribution of the privacy loss `ln (P / Q)`: continuous parts, atoms, and a mass at infinity.
pub(super) struct Pair {
    pub(super) densities: Vec<Box<dyn Density>>,
    pub(super) atoms: Vec<Atom>,
    pub(super) infinite: f64,
}

impl Pair {
    /// The dominating pair of a release, in one direction. All but `tail` of its mass is kept; the rest is not lost but
    /// counted as infinite loss.
    ///
    /// # Source
    /// Zhu, Dong and Wang 2022 (2106.08567): Proposition 8 and Theorem 11 (Poisson sampling, each direction by itself);
    /// symmetric unimodal noise on a real line is dominated by its largest shift.
    pub(super) fn of(release: &Release, direction: Direction, tail: f64) -> Self {
        let reversed = direction == Direction::Added;
        // e^(-reach^2 / 2) = tail.
        let reach = (-2.0 * tail.ln()).sqrt();
        match release {
            Release::Gaussian { mu, rate } => {
                let density = GaussianMixture { rate: *rate, mu: *mu, reversed, half: false, share: 1.0, reach };
                Self { densities: vec![Box::new(density)], atoms: Vec::new(), infinite: 0.0 }
            }
            Release::ReplacedGaussian { mu, rate } => {
                let density = ReplacedGaussian { rate: *rate, mu: *mu, share: 1.0, reach };
                Self { densities: vec![Box::new(density)], atoms: Vec::new(), infinite: 0.0 }
            }
            Release::Truncated(truncated) => truncated.pair(reversed, reach),
            Release::Laplace { shift, rate } => {
                let far = (-shift).exp() / 2.0;
                let ends = [Outcome { with: 0.5, without: far }, Outcome { with: far, without: 0.5 }];
                let segment = LaplaceSegment { shift: *shift, rate: *rate, reversed };
                let atoms = Self::of_outcomes(ends.into_iter(), *rate, direction);
                Self { densities: vec![Box::new(segment)], ..atoms }
            }
            Release::Integer { noise, shift, rate } => {
                let (outcomes, lost) = noise.outcomes(*shift, reach, tail);
                let mut pair = Self::of_outcomes(outcomes.into_iter(), *rate, direction);
                pair.infinite += lost;
                pair
            }
            Release::OneOf { .. } => Self::of(&release.prepared(tail, Side::Pessimistic), direction, tail),
            Release::Outcomes { outcomes, lost } => {
                let mut pair = Self::of_outcomes(outcomes.iter().copied(), 1.0, direction);
                pair.infinite += lost;
                pair
            }
        }
    }

    fn of_outcomes(outcomes: impl Iterator<Item = Outcome>, rate: f64, direction: Direction) -> Self {
        let mut pair = Self { densities: Vec::new(), atoms: Vec::new(), infinite: 0.0 };
        for Outcome { with, without } in outcomes {
            let mixed = (1.0 - rate) * without + rate * with;
            let (mass, other) = match direction {
                Direction::Removed => (mixed, without),
                Direction::Added => (without, mixed),
            };
            if mass > 0.0 && other > 0.0 {
                // The quotient's logarithm, without cancellation when rate is small.
                let loss = (rate * (with - without) / without).ln_1p();
                let loss = if direction == Direction::Removed { loss } else { -loss };
                pair.atoms.push(Atom { loss: if loss.is_finite() { loss } else { (mass / other).ln() }, mass });
            } else {
                pair.infinite += mass;
            }
        }
        pair
    }

    /// A loss at which much of the mass can be gathered: that of the heaviest outcome, or of what lies within a step around a
    /// density's centre, merged.
    pub(super) fn bulk(&self, step: f64) -> f64 {
        let heaviest = self.atoms.iter().max_by(|left, right| left.mass.total_cmp(&right.mass));
        match (heaviest, self.densities.first()) {
            (Some(atom), _) => atom.loss,
            (None, Some(density)) => {
                let (start, end) = density.range();
                let centre = density.loss(density.centre());
                let from = density.position(centre - step).clamp(start, end);
                let to = density.position(centre + step).clamp(from, end);
                centre - step + integrate(density.as_ref(), from, to, centre - step).merged()
            }
            (None, None) => 0.0,
        }
    }

    /// The least and the largest finite loss.
    pub(super) fn span(&self) -> (f64, f64) {
        let ends = self.densities.iter().flat_map(|density| {
            let (start, end) = density.range();
            [density.loss(start), density.loss(end)]
        });
        let losses = ends.chain(self.atoms.iter().map(|atom| atom.loss));
        losses.fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), loss| (least.min(loss), most.max(loss)))
    }
}

impl IntegerNoise {
    /// All outcomes but for a mass of at most the number returned, in either world.
    fn outcomes(self, shift: u32, reach: f64, tail: f64) -> (Vec<Outcome>, f64) {
        let shift = i64::from(shift);
        match self {
            Self::Gaussian { sigma } => {
                let radius = (reach * sigma).ceil() as i64 + 2;
                let weight = |x: i64| (-(x as f64 / sigma).powi(2) / 2.0).exp();
                let total: f64 = (-radius..=radius).map(weight).sum();
                let outcome = |x: i64| Outcome { with: weight(x - shift) / total, without: weight(x) / total };
                // Beyond the radius: a Gaussian's tail and less than as much again for each side's first term.
                ((-radius..=radius + shift).map(outcome).collect(), 4.0 * tail)
            }
            Self::Laplace { decay } => {
                // Left of both centres and right of both the loss is constant: one outcome each.
                let total = 1.0 / (decay / 2.0).tanh();
                let beyond = 1.0 / -(-decay).exp_m1() / total;
                let weight = |x: i64| (-decay * x.abs() as f64).exp() / total;
                let far = (-decay * shift as f64).exp() * beyond;
                let mut outcomes: Vec<Outcome> =
                    (1..shift).map(|x| Outcome { with: weight(x - shift), without: weight(x) }).collect();
                outcomes.push(Outcome { with: beyond, without: far });
                outcomes.push(Outcome { with: far, without: beyond });
                (outcomes, 0.0)
            }
        }
    }
}
