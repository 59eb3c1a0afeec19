//! Random allocation: a device contributes in one secret round out of several.

use super::{
    density::{Density, integrate},
    lattice::Side,
    mixture::GaussianMixture,
    pair::Outcome,
};

/// Points of a distribution's grid.
const POINTS: usize = 1500;

/// The two worlds' outcomes for a device that contributes `mu` standard deviations in a secret, uniformly random one of `rounds`
/// Gaussian releases, and a mass by which either side may lack: at most `tail` in all.
///
/// # Guarantee
/// Without the device the rounds are independent `N(0, 1)`; with it, one of them at random is `N(mu, 1)`. The likelihood ratio is the mean
/// of `W_i = e^(mu x_i - mu^2 / 2)`, and the hockey sticks, `E[(mean - e^epsilon)_+]` and `E[(1 - e^epsilon mean)_+]` in the world without, are
/// expectations of convex functions of it. Pessimistic: each `W_i`, and each partial mean, is spread onto a grid with its mean
/// kept, which raises every such expectation. Optimistic: masses are merged at their mean, which lowers it (Jensen).
///
/// The pair dominates the real thing, where rounds are vectors, each chosen in view of the results before it, and the device's
/// contribution in its round has a norm of at most the bound, or is zero: from `y_i ~ N(b mu, 1)` and the results so far, a round's
/// release is drawn by scaling `y_i` to the contribution's norm, adding the noise that is then missing, and turning it into the
/// contribution's direction; everything follows from `y` by post-processing.
///
/// # Source
/// Feldman and Shenfeld 2025 (2502.08202) for the scheme, its pair and the reduction of several rounds to one in each block;
/// 2602.17284 for computing it by convolution. The spreading is ours.
pub(super) fn one_of(rounds: u32, mu: f64, tail: f64, side: Side) -> (Vec<Outcome>, f64) {
    // Each release's tails, and what each of the (at most 64) convolutions cuts off for every round.
    let share = tail / (256.0 * f64::from(rounds));
    let one = Ratio::of_one(mu, share, side);
    let mut power = one;
    let mut total: Option<Ratio> = None;
    let mut left = rounds;
    loop {
        if left & 1 == 1 {
            total = Some(match total {
                Some(total) => total.joined(&power, share, side),
                None => power.clone(),
            });
        }
        left >>= 1;
        if left == 0 {
            break;
        }
        power = power.joined(&power, share, side);
    }
    let points = total.map_or_else(Vec::new, |total| total.points);
    let outcomes = points.into_iter().map(|(value, mass)| Outcome { with: mass * value, without: mass });
    // Pessimistic only: what was cut off, and as much again for the mean that it took along and for float error.
    (outcomes.collect(), if side == Side::Pessimistic { tail } else { 0.0 })
}

/// The distribution of a mean of likelihood ratios, in the world without the device.
#[derive(Clone, Debug)]
struct Ratio {
    count: f64,
    /// Values, rising, and their masses.
    points: Vec<(f64, f64)>,
}

impl Ratio {
    /// Of one round.
    fn of_one(mu: f64, share: f64, side: Side) -> Self {
        let reach = (-2.0 * share.ln()).sqrt();
        // As a pair with the device: its losses are the logarithms of the ratio.
        let density = GaussianMixture { rate: 1.0, mu, reversed: false, half: false, share: 1.0, reach };
        let (start, end) = (-reach, mu + reach);
        let (low, high) = (density.loss(start), density.loss(end));
        let at = |point: usize| low + (high - low) * point as f64 / (POINTS - 1) as f64;
        let mut grid = Grid::new((0..POINTS).map(|point| at(point).exp()).collect());
        for cell in 0..POINTS - 1 {
            let (from, to) = (density.position(at(cell)), density.position(at(cell + 1)));
            let piece = integrate(&density, from, to, at(cell));
            // Mass and first moment without the device: integrals of P / W and of P.
            let mass = (piece.mass - piece.excess) / grid.values[cell];
            grid.add_to(cell, mass, piece.excess / (grid.values[cell + 1] - grid.values[cell]));
        }
        // The tails, at most this much in either world. Low ones moved up, high ones down: each errs on the safe side for one
        // direction and is counted as infinite loss for the other.
        grid.add_to(0, share, 0.0);
        Self { count: 1.0, points: grid.points(side) }
    }

    /// The mean over both.
    fn joined(&self, other: &Self, share: f64, side: Side) -> Self {
        let count = self.count + other.count;
        let (left, right) = (self.count / count, other.count / count);
        let first = |points: &[(f64, f64)]| points.first().map_or(1.0, |point| point.0);
        let last = |points: &[(f64, f64)]| points.last().map_or(1.0, |point| point.0);
        let low = left * first(&self.points) + right * first(&other.points);
        let high = left * last(&self.points) + right * last(&other.points);
        let step = (high / low).ln() / (POINTS - 1) as f64;
        let mut grid = Grid::new((0..POINTS).map(|point| low * (step * point as f64).exp()).collect());
        for (value, mass) in &self.points {
            let mut cell = 0;
            for (other_value, other_mass) in &other.points {
                let sum = left * value + right * other_value;
                while cell + 2 < POINTS && grid.values[cell + 1] <= sum {
                    cell += 1;
                }
                let both = mass * other_mass;
                grid.mass[cell] += both;
                grid.excess[cell] += both * (sum - grid.values[cell]);
            }
        }
        let points = trimmed(grid.points(side), share * count);
        Self { count, points }
    }
}

/// Cells between rising values, each with its mass and the mean's excess over its lower end, times that mass.
struct Grid {
    values: Vec<f64>,
    mass: Vec<f64>,
    excess: Vec<f64>,
}

impl Grid {
    fn new(values: Vec<f64>) -> Self {
        let cells = values.len();
        Self { values, mass: vec![0.0; cells], excess: vec![0.0; cells] }
    }

    /// Adds a mass of which the share `up` would be spread to the cell's upper end.
    fn add_to(&mut self, cell: usize, mass: f64, up: f64) {
        self.mass[cell] += mass;
        if cell + 1 < self.values.len() {
            self.excess[cell] += up * (self.values[cell + 1] - self.values[cell]);
        }
    }

    fn points(&self, side: Side) -> Vec<(f64, f64)> {
        let cells = self.values.len();
        match side {
            Side::Pessimistic => {
                let mut masses = self.mass.clone();
                for cell in 0..cells - 1 {
                    let up =
                        (self.excess[cell] / (self.values[cell + 1] - self.values[cell])).clamp(0.0, self.mass[cell]);
                    masses[cell] -= up;
                    masses[cell + 1] += up;
                }
                self.values.iter().copied().zip(masses).filter(|(_, mass)| *mass > 0.0).collect()
            }
            Side::Optimistic => {
                let cell = |cell: usize| (self.values[cell] + self.excess[cell] / self.mass[cell], self.mass[cell]);
                (0..cells).filter(|cell| self.mass[*cell] > 0.0).map(cell).collect()
            }
        }
    }
}

/// Gathers the outermost points, as long as they hold at most `share` in either world, in the last ones kept.
fn trimmed(mut points: Vec<(f64, f64)>, share: f64) -> Vec<(f64, f64)> {
    let heavier = |point: &(f64, f64)| point.1 * point.0.max(1.0);
    let (mut above, mut gathered) = (0.0, 0.0);
    while points.len() > 2 {
        let Some(last) = points.last() else { break };
        if above + heavier(last) > share {
            break;
        }
        above += heavier(last);
        gathered += last.1;
        points.pop();
    }
    if let Some(last) = points.last_mut() {
        last.1 += gathered;
    }
    let (mut below, mut cut) = (0.0, 0);
    for point in &points {
        if below + heavier(point) > share || cut + 2 >= points.len() {
            break;
        }
        below += heavier(point);
        cut += 1;
    }
    let gathered: f64 = points.drain(..cut).map(|point| point.1).sum();
    if let Some(first) = points.first_mut() {
        first.1 += gathered;
    }
    points
}
