//! Composition: the distribution of a sum of many losses, by one Fourier transform around the losses that matter.

use std::cell::RefCell;

use realfft::{RealFftPlanner, num_complex::Complex};

use super::{
    cells::LARGEST_INDEX,
    lattice::{Lattice, Point, Side},
    tilt::{Cumulant, Releases, cumulant, cumulant_of, weights},
};

/// Longest transform.
const LONGEST: usize = 1 << 22;
/// Share of delta that what lies outside the window may come to.
const NEGLIGIBLE: f64 = 1e-8;
/// Float error of the moment's logarithm and of the sums, generously.
const SLACK: f64 = 1e-9;
/// Twice the unit roundoff of floats.
const ROUNDOFF: f64 = f64::EPSILON;

/// The tilted distribution of the total loss, on a window of the lattice, and what bounds its errors.
pub(super) struct Composed {
    step: f64,
    theta: f64,
    /// `ln E[e^(theta L)]`.
    ln_moment: f64,
    /// Total loss of the first entry.
    first: f64,
    /// Probabilities under the tilted distribution; what lies outside the window is folded into it.
    tilted: Vec<f64>,
    /// Sum of the absolute errors of `tilted`, at most.
    error: f64,
    /// Tilted mass that was folded in from outside the window, at most.
    folded: f64,
    /// `P`-mass above the window, at most.
    above: f64,
    /// `P`-mass at infinite loss, at most.
    infinite: f64,
}

impl Composed {
    /// Composes `releases`, resolved where the tilt `theta` puts the weight. `None` where no window of reasonable length
    /// holds that.
    ///
    /// The probability of a total loss `l` is `e^(K(theta) - theta l)` times its probability under the tilted distribution
    /// (each release's masses times `e^(theta l)`, normalised), and a discrete Fourier transform of the tilted masses to the power of
    /// their count gives the latter but for what wraps around. So errors of the transform, which are absolute, become
    /// relative to delta's own magnitude, whatever that is. (Tilting before a transform: Grubel and Hermesmeier 1999, for
    /// compound distributions.)
    pub(super) fn new(releases: &Releases, theta: f64, ln_delta: f64) -> Option<Self> {
        let step = releases.first()?.0.step;
        let total = cumulant(releases, theta);
        let Window { first, length, low, high, bottom, top } = Window::of(releases, theta, &total, ln_delta)?;
        let (tilted, error) = transform(releases, theta, first, length);
        let below = if bottom { 0.0 } else { folded(releases, theta, &total, low, -1.0) };
        let (beyond, above) = if top {
            (0.0, 0.0)
        } else {
            (folded(releases, theta, &total, high, 1.0), chernoff_above(releases, theta, &total, high))
        };
        let folded = below + beyond;
        let infinite = infinite(releases);
        Some(Self { step, theta, ln_moment: total.value, first: low, tilted, error, folded, above, infinite })
    }

    /// The epsilon at which this distribution's delta is `delta`, erring to the given side; may be negative. `None` when
    /// delta is used up by what is infinite (pessimistic) or lies below the window (optimistic).
    pub(super) fn epsilon(&self, delta: f64, side: Side) -> Option<f64> {
        self.solution(delta, side).map(|(epsilon, _)| epsilon)
    }

    /// That epsilon, and by how much `ln delta` falls with epsilon there.
    pub(super) fn solution(&self, delta: f64, side: Side) -> Option<(f64, f64)> {
        let target = match side {
            Side::Pessimistic => delta - self.infinite - self.above,
            Side::Optimistic => delta,
        };
        if target <= 0.0 {
            return None;
        }
        let ln_target = target.ln();
        let slack = if side == Side::Pessimistic { SLACK } else { -SLACK };
        // ln of what one unit of tilted mass is worth in delta, where epsilon is the loss of an index.
        let scale = |offset: usize| self.ln_moment - self.theta * (self.first + offset as f64 * self.step) + slack;
        // The change of that worth by one step, and of the hockey stick's.
        let (fall, share) = ((-self.theta * self.step).exp(), -(-self.step).exp_m1());
        let (mut sum, mut hockey) = (0.0, 0.0);
        // What delta's tilted mass must exceed here to be above the target.
        let mut threshold = 0.0;
        let mut last: Option<f64> = None;
        for (offset, tilted) in self.tilted.iter().enumerate().rev() {
            // `sum` and `hockey` are over the indices above this one, in units of e^(K - theta epsilon): sum of
            // c e^(-theta (l - epsilon)), and the same times 1 - e^(epsilon - l).
            let corrected = match side {
                Side::Pessimistic => hockey + self.error,
                Side::Optimistic => (hockey - self.error - self.folded).max(0.0),
            };
            threshold =
                if offset % 64 == 0 || last.is_none() { (ln_target - scale(offset)).exp() } else { threshold * fall };
            if corrected > threshold {
                let epsilon = self.first + offset as f64 * self.step;
                let Some(above) = last else { return Some((epsilon + self.step, 1.0 / self.step)) };
                let (here, above) = (scale(offset) + corrected.ln(), scale(offset + 1) + above.ln());
                let steepness = (here - above) / self.step;
                // Between lattice points delta is linear in e^epsilon.
                let (here, above) = ((here - ln_target).exp(), (above - ln_target).exp());
                let part = if here > above { (here - 1.0) / (here - above) } else { 1.0 };
                return Some((epsilon + (part.clamp(0.0, 1.0) * self.step.exp_m1()).ln_1p(), steepness));
            }
            last = Some(corrected);
            sum += tilted.max(0.0);
            hockey = fall * ((1.0 - share) * hockey + share * sum);
            sum *= fall;
        }
        (side == Side::Pessimistic).then_some((self.first, self.theta))
    }
}

/// Mass of infinite total loss, at most.
pub(super) fn infinite(releases: &Releases) -> f64 {
    releases.iter().map(|(lattice, count)| *count as f64 * lattice.infinite).sum::<f64>().min(1.0)
}

/// Total losses between which all but a negligible part of what decides delta lies.
pub(super) struct Window {
    /// Lattice index of the least.
    first: i64,
    /// Number of lattice points: one that transforms well.
    length: usize,
    /// The least loss.
    low: f64,
    /// The largest loss.
    high: f64,
    /// Whether no total is below, and whether none is above.
    bottom: bool,
    top: bool,
}

impl Window {
    /// Number of lattice points.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// `None` where it would be too long for a transform.
    pub(super) fn of(releases: &Releases, theta: f64, total: &Cumulant, ln_delta: f64) -> Option<Self> {
        let step = releases.first()?.0.step;
        let deviation = total.variance.sqrt().max(step);
        // No total is below or above these.
        let ends = |end: fn(&Lattice) -> Option<&Point>| {
            let one = |(lattice, count): &(Lattice, u64)| Some(*count as f64 * lattice.loss(end(lattice)?.index));
            releases.iter().map(one).sum::<Option<f64>>()
        };
        let least = ends(|lattice| lattice.points.iter().min_by_key(|point| point.index))?;
        let most = ends(|lattice| lattice.points.iter().max_by_key(|point| point.index))?;
        let edge = |sign: f64, end: f64, suffices: &dyn Fn(f64) -> bool| {
            let mut reach = 6.0;
            loop {
                let edge = total.mean + sign * reach * deviation;
                if sign * edge >= sign * end {
                    return Some((end, true));
                }
                if suffices(edge) {
                    return Some((edge, false));
                }
                reach *= 1.25;
                if reach * deviation > LONGEST as f64 * step {
                    return None;
                }
            }
        };
        let (low, bottom) = edge(-1.0, least, &|low| folded(releases, theta, total, low, -1.0) < NEGLIGIBLE)?;
        let (high, top) = edge(1.0, most, &|high| {
            chernoff_above(releases, theta, total, high).ln() < ln_delta + NEGLIGIBLE.ln()
                && folded(releases, theta, total, high, 1.0) < NEGLIGIBLE
        })?;
        let origin: f64 = releases.iter().map(|(lattice, count)| *count as f64 * lattice.offset).sum();
        let (from, to) = ((low - origin) / step, (high - origin) / step);
        // Where floats no longer tell one index from the next there is no lattice.
        if !(from.abs() < LARGEST_INDEX && to.abs() < LARGEST_INDEX) {
            return None;
        }
        let (first, last) = (from.floor() as i64 - 1, to.ceil() as i64 + 1);
        let wanted = usize::try_from(last - first).ok()? + 1;
        // A power of two, or three quarters of one.
        let power = wanted.next_power_of_two().max(16);
        let length = if wanted <= power / 4 * 3 { power / 4 * 3 } else { power };
        // Whatever the length is beyond what was wanted widens the window upward.
        let at = |index: i64| origin + index as f64 * step;
        (length <= LONGEST).then(|| Self {
            first,
            length,
            low: at(first),
            high: at(first + length as i64 - 1),
            bottom,
            top,
        })
    }
}

/// `P`-mass of total losses above `high`, at most: `min over eta of e^(K(eta) - eta high)`.
fn chernoff_above(releases: &Releases, theta: f64, total: &Cumulant, high: f64) -> f64 {
    let bound = |shift: f64| cumulant(releases, theta + shift).value - (theta + shift) * high;
    least(bound, high - total.mean, total.variance).exp()
}

/// Tilted mass beyond `edge`, above (`sign` 1) or below (-1), at most, by Chernoff's bound.
fn folded(releases: &Releases, theta: f64, total: &Cumulant, edge: f64, sign: f64) -> f64 {
    let bound = |shift: f64| cumulant(releases, theta + sign * shift).value - total.value - sign * shift * edge;
    least(bound, sign * (edge - total.mean), total.variance).exp()
}

/// The least of a convex function that is 0 or more at shift 0, among shifts up to where it would be least for a Gaussian with
/// this variance, `distance` away. Heavier tails have it lower.
fn least(bound: impl Fn(f64) -> f64, distance: f64, variance: f64) -> f64 {
    // Products of shift and distance far above -ln(NEGLIGIBLE) are never needed.
    let (mut least, mut shift) = (0.0_f64, (distance / variance).min(400.0 / distance));
    for _ in 0..12 {
        let value = bound(shift);
        if value > least && least < 0.0 {
            break;
        }
        // NaN compares as false and is passed over.
        if value < least {
            least = value;
        }
        shift *= 0.6;
    }
    least
}

thread_local! {
    /// Roots of unity take longer than transforms: each length's are computed once.
    static PLANNER: RefCell<RealFftPlanner<f64>> = RefCell::new(RealFftPlanner::new());
}

/// The tilted distribution of the total on `length` lattice points from `first`, and a bound on the sum of its errors.
fn transform(releases: &Releases, theta: f64, first: i64, length: usize) -> (Vec<f64>, f64) {
    let (forward, backward) = PLANNER.with_borrow_mut(|planner| {
        let forward = planner.plan_fft_forward(length);
        (forward, planner.plan_fft_inverse(length))
    });
    let mut product = vec![Complex::new(1.0, 0.0); length / 2 + 1];
    // An l2 error e of a spectrum is one of |e| / sqrt(length) of what it stands for, whose entries then err by |e| in sum.
    // Beyond an epsilon they count `e^(-theta distance)`, so that sum is at most |e| / sqrt(1 - e^(-2 theta step)) (Cauchy-Schwarz).
    let step = releases.first().map_or(0.0, |(lattice, _)| lattice.step);
    let reach = (length as f64).min(1.0 / -(-2.0 * theta * step).exp_m1());
    let (logarithm, root) = ((length as f64).log2(), reach.sqrt());
    let (mut spectra, mut masses, mut times) = (0.0, 0.0, 0.0);
    // Only where it falls in the cycle of this length matters, and no product of an index and a count need fit an integer.
    let cycle = length as i64;
    let mut origin = 0_i64;
    for (lattice, count) in releases {
        let one = cumulant_of(lattice, theta);
        // The heaviest point becomes the origin: its transform is a constant, and only the rest is transformed, with errors.
        let weights = weights(lattice, theta, one.value);
        let heaviest = weights.iter().zip(&lattice.points).max_by(|left, right| left.0.total_cmp(right.0));
        let centre = heaviest.map_or(0, |(_, point)| point.index);
        let (mut bulk, mut folded) = (0.0, vec![0.0; length]);
        for (weight, point) in weights.iter().zip(&lattice.points) {
            if point.index == centre {
                bulk += weight;
            } else {
                folded[(point.index - centre).rem_euclid(cycle) as usize] += weight;
            }
        }
        origin = (origin + centre.rem_euclid(cycle) * (*count % length as u64) as i64).rem_euclid(cycle);
        let power = *count as f64;
        // Higham 2002, Theorem 24.2: a transform errs in l2 by at most a small multiple of log2(length) roundoffs. No factor
        // of the product exceeds 1, so each of its `count` uses passes the error on once.
        spectra += power * (8.0 * logarithm * norm(&folded) + 4.0);
        // The weights' own roundoffs, and those of the exponent.
        masses += power * 128.0 * (1.0 + (theta * one.mean).abs() + one.value.abs());
        times += power;
        let mut spectrum = forward.make_output_vec();
        if forward.process(&mut folded, &mut spectrum).is_err() {
            return (vec![0.0; length], f64::INFINITY);
        }
        // Below this square of its size a coefficient's power is below e^-100, which is nothing beside the errors counted above.
        let vanishing = (-200.0 / power).exp();
        for (product, coefficient) in product.iter_mut().zip(&spectrum) {
            let coefficient = coefficient + bulk;
            if coefficient.norm_sqr() < vanishing {
                *product = Complex::ZERO;
                continue;
            }
            *product *= power_of(coefficient, *count);
        }
    }
    // A real signal's first and last coefficients are real; the planner insists.
    product[0].im = 0.0;
    if let Some(last) = product.last_mut() {
        last.im = 0.0;
    }
    let mut output = backward.make_output_vec();
    if backward.process(&mut product, &mut output).is_err() {
        return (vec![0.0; length], f64::INFINITY);
    }
    output.rotate_left((first - origin).rem_euclid(cycle) as usize);
    output.iter_mut().for_each(|value| *value /= length as f64);
    let powers_and_back = (4.0 * times + 8.0 * logarithm) * norm(&output);
    (output, ROUNDOFF * (root * (spectra + powers_and_back) + masses))
}

/// By squaring: each of its digits errs by as many roundoffs as there are factors, a few times.
fn power_of(base: Complex<f64>, mut exponent: u64) -> Complex<f64> {
    let (mut power, mut square) = (Complex::new(1.0, 0.0), base);
    while exponent > 0 {
        if exponent & 1 == 1 {
            power *= square;
        }
        square *= square;
        exponent >>= 1;
    }
    power
}

fn norm(values: &[f64]) -> f64 {
    values.iter().map(|value| value * value).sum::<f64>().sqrt()
}
