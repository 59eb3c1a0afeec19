//! Exponential tilting: where on the line of losses a delta is decided, and how wide the neighbourhood is.

use super::lattice::{Lattice, Point};

/// Independent releases on lattices of one step, each with how often it happens.
pub(super) type Releases = [(Lattice, u64)];

/// Cumulant generating function of the total (finite) loss at one point, with its first two derivatives.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cumulant {
    /// `ln E[e^(theta L)]`.
    pub(super) value: f64,
    /// Mean of the tilted loss.
    pub(super) mean: f64,
    /// Variance of the tilted loss.
    pub(super) variance: f64,
}

/// Of one lattice.
pub(super) fn cumulant_of(lattice: &Lattice, theta: f64) -> Cumulant {
    // Losses relative to one of them, so that the variance does not cancel.
    let centre = lattice.points.first().map_or(0.0, |point| lattice.loss(point.index));
    let reference = reference(lattice, theta);
    let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
    let mut powers = Powers::new(lattice, theta, reference);
    for point in &lattice.points {
        let term = powers.times(point);
        let offset = lattice.loss(point.index) - centre;
        sum += term;
        first += term * offset;
        second += term * offset * offset;
    }
    let mean = first / sum;
    Cumulant { value: reference + sum.ln(), mean: centre + mean, variance: (second / sum - mean * mean).max(0.0) }
}

/// The points' masses times `e^(theta loss - exponent)`. Each is off by less than a hundred roundoffs, and those of its exponent.
pub(super) fn weights(lattice: &Lattice, theta: f64, exponent: f64) -> Vec<f64> {
    let mut powers = Powers::new(lattice, theta, exponent);
    lattice.points.iter().map(|point| powers.times(point)).collect()
}

/// About the largest of `theta loss + ln mass`, where a float could not hold its exponential; 0 where it could.
fn reference(lattice: &Lattice, theta: f64) -> f64 {
    let exponents = || lattice.points.iter().map(|point| theta * lattice.loss(point.index));
    if exponents().fold(f64::NEG_INFINITY, f64::max) < 600.0 {
        return 0.0;
    }
    let weighed = lattice.points.iter().map(|point| theta * lattice.loss(point.index) + point.mass.ln());
    weighed.fold(f64::NEG_INFINITY, f64::max)
}

/// Powers of `e^(theta step)` along a lattice: mostly products of the one before, now and then computed afresh.
struct Powers<'a> {
    lattice: &'a Lattice,
    theta: f64,
    exponent: f64,
    index: i64,
    value: f64,
    gap: i64,
    factor: f64,
    /// Products since the last fresh one.
    age: u32,
}

impl<'a> Powers<'a> {
    fn new(lattice: &'a Lattice, theta: f64, exponent: f64) -> Self {
        Self { lattice, theta, exponent, index: 0, value: 0.0, gap: 0, factor: 1.0, age: u32::MAX }
    }

    /// The point's mass times its power.
    fn times(&mut self, point: &Point) -> f64 {
        let gap = point.index.wrapping_sub(self.index);
        self.index = point.index;
        // Near the ends of the floats a product has few digits, or none.
        let sound = self.value > 1e-280 && self.value < 1e280;
        if sound && self.age < 32 && gap.unsigned_abs() < 1 << 20 {
            if gap != self.gap {
                (self.gap, self.factor) = (gap, (self.theta * self.lattice.step * gap as f64).exp());
            }
            self.value *= self.factor;
            self.age += 1;
            return point.mass * self.value;
        }
        let exponent = self.theta * self.lattice.loss(point.index) - self.exponent;
        // The C library takes its time over what is no float.
        self.value = if exponent < -745.0 { 0.0 } else { exponent.exp() };
        self.age = 0;
        // A product of a mass and a power may be a float where the power is not.
        if exponent.abs() < 600.0 { point.mass * self.value } else { (exponent + point.mass.ln()).exp() }
    }
}

/// Of all releases together.
pub(super) fn cumulant(releases: &Releases, theta: f64) -> Cumulant {
    let mut total = Cumulant::default();
    for (lattice, count) in releases {
        let one = cumulant_of(lattice, theta);
        total.value += *count as f64 * one.value;
        total.mean += *count as f64 * one.mean;
        total.variance += *count as f64 * one.variance;
    }
    total
}

/// Largest product of tilt and epsilon that is tried; what decides a delta has one of the order of `ln (1 / delta)`.
const STEEPEST: f64 = 1e5;
/// Strides to the valley's bottom; more than are ever needed.
const WALK: u32 = 100;

/// Epsilon from the moment at one `theta`: the Renyi conversion of order `theta + 1` (Canonne, Kamath and Steinke 2020,
/// Proposition 12), here of the lattice's own distribution.
pub(super) fn moment_bound(value: f64, theta: f64, ln_delta: f64) -> f64 {
    (value - ln_delta + theta * theta.ln() - (theta + 1.0) * theta.ln_1p()) / theta
}

/// The tilt at which the moment bound is least, to a few percent, and that bound. Any tilt is sound. The search begins at `near`,
/// where that is known.
pub(super) fn best_tilt(releases: &Releases, ln_delta: f64, near: Option<f64>) -> (f64, f64) {
    let bound = |ln_theta: f64| {
        let theta: f64 = ln_theta.exp();
        let value = moment_bound(cumulant(releases, theta).value, theta, ln_delta);
        // Where losses are bounded the best tilt may be without bound: nothing is gained there, and roundoff grows.
        let value = if value.is_nan() || theta * value > STEEPEST { f64::INFINITY } else { value };
        (ln_theta, value)
    };
    let less = |left: &(f64, f64), right: &(f64, f64)| left.1.total_cmp(&right.1);
    let stride = 0.5;
    let mut best = match near {
        Some(near) => bound(near.ln()),
        None => (-6..=24).map(|ln_theta| bound(f64::from(ln_theta))).min_by(less).unwrap_or((0.0, f64::INFINITY)),
    };
    let (mut below, mut above) = (bound(best.0 - stride), bound(best.0 + stride));
    // The bound has one valley, in which this walks down.
    for _ in 0..WALK {
        if below.1 < best.1 {
            (above, best) = (best, below);
            below = bound(best.0 - stride);
        } else if above.1 < best.1 {
            (below, best) = (best, above);
            above = bound(best.0 + stride);
        } else {
            break;
        }
    }
    // The vertex of the parabola through the three.
    let curvature = above.1 - 2.0 * best.1 + below.1;
    let vertex = best.0 + stride / 2.0 * (below.1 - above.1) / curvature;
    if (vertex - best.0).abs() < stride {
        best = [best, bound(vertex)].into_iter().min_by(less).unwrap_or(best);
    }
    (best.0.exp(), best.1)
}

/// The tilt below `most` whose mean is `loss`, roughly.
pub(super) fn tilt_to(releases: &Releases, loss: f64, most: f64) -> f64 {
    let (mut low, mut high) = (most.ln() - 20.0, most.ln());
    while high - low > 0.05 {
        let middle = f64::midpoint(low, high);
        if cumulant(releases, middle.exp()).mean < loss { low = middle } else { high = middle }
    }
    high.exp()
}
