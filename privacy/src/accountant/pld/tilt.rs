//! Exponential tilting: where on the line of losses a delta is decided, and how wide the neighbourhood is.

use super::lattice::Lattice;

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
    let terms = || lattice.points.iter().map(|point| (lattice.loss(point.index), point.mass));
    let largest = terms().map(|(loss, _)| theta * loss).fold(f64::NEG_INFINITY, f64::max);
    // Only where an exponential would overflow are logarithms of the masses needed.
    let reference = if largest < 600.0 {
        0.0
    } else {
        terms().map(|(loss, mass)| theta * loss + mass.ln()).fold(f64::NEG_INFINITY, f64::max)
    };
    // Losses relative to one of them, so that the variance does not cancel.
    let centre = lattice.points.first().map_or(0.0, |point| lattice.loss(point.index));
    let (mut sum, mut first, mut second) = (0.0, 0.0, 0.0);
    for (loss, mass) in terms() {
        let exponent = theta * loss - reference;
        let term = if reference == 0.0 { mass * exponent.exp() } else { (exponent + mass.ln()).exp() };
        let offset = loss - centre;
        sum += term;
        first += term * offset;
        second += term * offset * offset;
    }
    let mean = first / sum;
    Cumulant { value: reference + sum.ln(), mean: centre + mean, variance: (second / sum - mean * mean).max(0.0) }
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

/// Epsilon from the moment at one `theta`: the Renyi conversion of order `theta + 1` (Canonne, Kamath and Steinke 2020,
/// Proposition 12), here of the lattice's own distribution.
pub(super) fn moment_bound(value: f64, theta: f64, ln_delta: f64) -> f64 {
    (value - ln_delta + theta * theta.ln() - (theta + 1.0) * theta.ln_1p()) / theta
}

/// The tilt at which the moment bound is least, and that bound. Any tilt is sound.
pub(super) fn best_tilt(releases: &Releases, ln_delta: f64) -> (f64, f64) {
    let bound = |ln_theta: f64| {
        let theta: f64 = ln_theta.exp();
        let value = moment_bound(cumulant(releases, theta).value, theta, ln_delta);
        // Where losses are bounded the best tilt may be without bound: nothing is gained there, and roundoff grows.
        if value.is_nan() || theta * value > STEEPEST { f64::INFINITY } else { value }
    };
    let scan = (-6..=24).map(f64::from);
    let best = scan.min_by(|left, right| bound(*left).total_cmp(&bound(*right))).unwrap_or(0.0);
    let (mut low, mut high) = (best - 1.0, best + 1.0);
    // Golden section; a few percent in theta are enough.
    let golden = 0.618_033_988_749_895;
    let (mut left, mut right) = (high - golden * (high - low), low + golden * (high - low));
    let (mut at_left, mut at_right) = (bound(left), bound(right));
    while high - low > 0.02 {
        if at_left < at_right {
            (high, right, at_right) = (right, left, at_left);
            left = high - golden * (high - low);
            at_left = bound(left);
        } else {
            (low, left, at_left) = (left, right, at_right);
            right = low + golden * (high - low);
            at_right = bound(right);
        }
    }
    let (best, value) = if at_left < at_right { (left, at_left) } else { (right, at_right) };
    (best.exp(), value)
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
