//! A schedule's losses on a lattice fine enough for all of it, ready to be priced.

use super::{
    super::Refusal,
    cells::Tilt,
    compose::{Composed, Window, infinite},
    lattice::{Lattice, Side},
    pair::{Direction, Pair, Release},
    raised,
    releases::releases_of,
    tilt::{best_tilt, cumulant, cumulant_of, tilt_to},
};
use crate::{
    event::DpEvent,
    units::{DeltaProbability, Epsilon},
};

/// By what share of epsilon the lattice may be off. A lattice of step `h` spreads each loss with a variance of about `h^2 / 6`
/// and raises its mean by half that: `count (theta + 1) h^2 / 12` in epsilon.
const ACCURACY: f64 = 1e-4;
/// An epsilon that nobody needs to have more exactly.
const LEAST: f64 = 1e-7;
/// Points of the first, coarse lattice.
const COARSE: f64 = 2048.0;
/// A moment bound that nobody wants to know more exactly: what is tried while noise is sought.
const USELESS: f64 = 1000.0;
/// An exact bound below this share of the moment bound is decided elsewhere.
const FAR: f64 = 0.85;
/// Length up to which a lower bound's window may grow by a finer lattice.
const FINE_WINDOW: usize = 1 << 17;
/// Number of points up to which its lattices may grow.
const FINE_POINTS: usize = 1 << 17;
/// Strides toward the step that is fine enough; more than ever needed.
const ATTEMPTS: u32 = 16;
/// Share of delta that may be spent on the tails that are cut off.
const TAILS: f64 = 1e-9;

/// One direction's lattices.
#[derive(Clone, Debug)]
struct Resolved {
    direction: Direction,
    /// Each with how often its release happens; `None` where no lattice holds the losses.
    lattices: Option<Vec<(Lattice, u64)>>,
    /// Where the best tilt was found.
    tilt: Option<f64>,
}

/// One event's loss distributions, in both directions; the price of any number of repetitions of it.
#[derive(Clone, Debug)]
pub struct LossSchedule {
    /// As the event states them.
    stated: Vec<(Release, u64)>,
    /// The same, with a pair that can only be approached approached from above.
    releases: Vec<(Release, u64)>,
    directions: Vec<Resolved>,
    tail: f64,
    delta: f64,
    /// Repetitions for which all this is fine enough, and the upper bound after so many.
    most: u32,
    whole: f64,
}

impl LossSchedule {
    /// Prepares one occurrence of `event`; `None` if something in it is not private at all.
    ///
    /// # Errors
    /// [`Refusal`] when a release has no dominating pair here.
    pub fn of(event: &DpEvent, delta: DeltaProbability) -> Result<Option<Self>, Refusal> {
        Self::repeated(event, 1, delta)
    }

    /// Prepares up to `most` repetitions of `event`: the lattice is fine enough for that many.
    ///
    /// # Errors
    /// [`Refusal`] when a release has no dominating pair here.
    pub fn repeated(event: &DpEvent, most: u32, delta: DeltaProbability) -> Result<Option<Self>, Refusal> {
        let Some(stated) = releases_of(event)? else { return Ok(None) };
        let delta = delta.get();
        let total = total(&stated) * f64::from(most);
        let tail = (delta * TAILS / total.max(1.0)).max(f64::MIN_POSITIVE);
        let releases = prepared(&stated, tail, Side::Pessimistic);
        let mut schedule = Self { stated, releases, directions: Vec::new(), tail, delta, most, whole: 0.0 };
        for direction in [Direction::Removed, Direction::Added] {
            let resolved = schedule.resolved(direction, most, schedule.whole);
            schedule.whole = schedule.whole.max(schedule.upper(&resolved, most));
            schedule.directions.push(resolved);
        }
        Ok(Some(schedule))
    }

    /// Upper bound of epsilon after `times` repetitions.
    #[must_use]
    pub fn after(&self, times: u32) -> Epsilon {
        if times == 0 || self.releases.is_empty() {
            return Epsilon::ZERO;
        }
        let upper = || self.directions.iter().map(|resolved| self.upper(resolved, times)).fold(0.0, f64::max);
        raised(if times == self.most { self.whole } else { upper() })
    }

    fn upper(&self, resolved: &Resolved, times: u32) -> f64 {
        let Some(lattices) = &resolved.lattices else { return f64::INFINITY };
        let repeated = repeat(lattices, times);
        let Some(ln_delta) = left(&repeated, self.delta) else { return f64::INFINITY };
        let (theta, bound) = best_tilt(&repeated, ln_delta, resolved.tilt);
        let composed = Composed::new(&repeated, theta, ln_delta);
        let exact = composed.and_then(|composed| composed.epsilon(self.delta, Side::Pessimistic));
        // Where the transform is of no use the moment bound of the same lattice still holds.
        exact.map_or(bound, |exact| exact.min(bound))
    }

    /// Lower bound of epsilon for one occurrence.
    pub(super) fn lower(&self) -> Epsilon {
        let merged = prepared(&self.stated, self.tail, Side::Optimistic);
        let of = |resolved: &Resolved| {
            let upper = resolved.lattices.as_ref()?;
            let ln_delta = left(upper, self.delta)?;
            let (theta, _) = best_tilt(upper, ln_delta, resolved.tilt);
            // Merging is coarser than splitting. A finer lattice makes up for it, where it costs little.
            let coarse = upper.first()?.0.step;
            let window = Window::of(upper, theta, &cumulant(upper, theta), ln_delta)?;
            let points = upper.iter().map(|(lattice, _)| lattice.points.len()).max()?;
            let finer = (FINE_WINDOW / window.length()).min(FINE_POINTS / points.max(1));
            let step = coarse / finer.clamp(1, 64) as f64;
            let (exact, steepness) = Composed::new(upper, theta, ln_delta)?.solution(self.delta, Side::Pessimistic)?;
            let tilts = tilts_at(upper, [theta, tilt_to(upper, exact, theta)], steepness.max(theta));
            let lattices = self.lattices(&merged, resolved.direction, step, &tilts, Side::Optimistic)?;
            Composed::new(&lattices, theta, ln_delta)?.epsilon(self.delta, Side::Optimistic)
        };
        let lower = self.directions.iter().filter_map(of).fold(0.0, f64::max);
        Epsilon::new(lower * (1.0 - 1e-10)).unwrap_or(Epsilon::ZERO)
    }

    /// The coarsest lattices that are accurate enough for `most` repetitions, or that show this direction to lose less than
    /// the other, whose loss is `known`; `None` where even the first, coarse ones cannot be made.
    fn resolved(&self, direction: Direction, most: u32, known: f64) -> Resolved {
        let pairs = self.releases.iter().map(|(release, _)| Pair::of(release, direction, self.tail));
        // Where all losses are nearly one, a step that their digits can tell.
        let widths = pairs
            .map(|pair| pair.span())
            .map(|(low, high)| ((high - low) / COARSE).max(low.abs().max(high.abs()) * 1e-12));
        let mut step = self.aligned(direction, widths.fold(f64::MIN_POSITIVE, f64::max));
        let (mut resolved, mut tilts) =
            (Resolved { direction, lattices: None, tilt: None }, vec![None; self.releases.len()]);
        let mut refined = false;
        for _ in 0..ATTEMPTS {
            let Some(lattices) = self.lattices(&self.releases, direction, step, &tilts, Side::Pessimistic) else {
                break;
            };
            let repeated = repeat(&lattices, most);
            let Some(ln_delta) = left(&repeated, self.delta) else {
                return Resolved { lattices: Some(lattices), ..resolved };
            };
            let (theta, bound) = best_tilt(&repeated, ln_delta, resolved.tilt);
            let total = cumulant(&repeated, theta);
            if Window::of(&repeated, theta, &total, ln_delta).is_none() && resolved.lattices.is_some() {
                break;
            }
            resolved.tilt = Some(theta);
            let count = self::total(&repeated);
            let mut wanted = wanted(bound, theta, count);
            tilts = tilts_at(&lattices, [theta, theta], theta);
            if bound < known || bound > USELESS {
                return Resolved { lattices: Some(lattices), ..resolved };
            }
            if step <= wanted {
                // Where losses have heavy tails, the exact bound is decided elsewhere than the moment bound.
                let composed = Composed::new(&repeated, theta, ln_delta);
                let solution = composed.and_then(|composed| composed.solution(self.delta, Side::Pessimistic));
                let Some((exact, steepness)) = solution.filter(|(exact, _)| *exact > 0.0 && *exact < FAR * bound)
                else {
                    return Resolved { lattices: Some(lattices), ..resolved };
                };
                wanted = self::wanted(exact, steepness, count);
                if refined && step <= wanted {
                    return Resolved { lattices: Some(lattices), ..resolved };
                }
                refined = true;
                tilts = tilts_at(&lattices, [theta, tilt_to(&repeated, exact, theta)], steepness.max(theta));
                step = step.min(wanted);
            } else {
                step = step.min(wanted * 0.95);
            }
            // Too coarse a lattice exaggerates the loss, so the step wanted is found in several strides.
            step = self.aligned(direction, step.max(lattices.first().map_or(step, |(lattice, _)| lattice.step / 64.0)));
            resolved.lattices = Some(lattices);
        }
        resolved
    }

    /// The next smaller step such that the two heaviest outcomes of a release that has outcomes both lie on the lattice: then
    /// all do whose losses are equidistant.
    fn aligned(&self, direction: Direction, step: f64) -> f64 {
        let [(release @ (Release::Laplace { .. } | Release::Integer { .. }), _)] = self.releases.as_slice() else {
            return step;
        };
        let mut atoms = Pair::of(release, direction, self.tail).atoms;
        atoms.sort_by(|left, right| right.mass.total_cmp(&left.mass));
        match atoms.as_slice() {
            [first, second, ..] if first.loss != second.loss => {
                let distance = (first.loss - second.loss).abs();
                if distance < step { step } else { distance / (distance / step).ceil() }
            }
            _ => step,
        }
    }

    fn lattices(
        &self,
        releases: &[(Release, u64)],
        direction: Direction,
        step: f64,
        tilts: &[Option<Tilt>],
        side: Side,
    ) -> Option<Vec<(Lattice, u64)>> {
        let of = |((release, count), tilt): (&(Release, u64), &Option<Tilt>)| {
            let pair = Pair::of(release, direction, self.tail);
            Lattice::of(&pair, step, *tilt, side).map(|lattice| (lattice, *count))
        };
        releases.iter().zip(tilts).map(of).collect()
    }
}

/// The step that keeps epsilon accurate, where `ln delta` falls with epsilon as steeply as this.
fn wanted(epsilon: f64, steepness: f64, count: f64) -> f64 {
    let tolerance = (epsilon * ACCURACY).max(LEAST);
    (12.0 * tolerance / (count * (steepness + 1.0))).sqrt()
}

fn tilts_at(lattices: &[(Lattice, u64)], thetas: [f64; 2], steepness: f64) -> Vec<Option<Tilt>> {
    let of = |(lattice, _): &(Lattice, u64)| {
        Some(Tilt { weights: thetas.map(|theta| (theta, cumulant_of(lattice, theta).value)), steepness })
    };
    lattices.iter().map(of).collect()
}

/// How many releases there are in all.
fn total<T>(releases: &[(T, u64)]) -> f64 {
    releases.iter().map(|(_, count)| *count as f64).sum()
}

fn prepared(releases: &[(Release, u64)], tail: f64, side: Side) -> Vec<(Release, u64)> {
    releases.iter().map(|(release, count)| (release.prepared(tail, side), *count)).collect()
}

fn repeat(lattices: &[(Lattice, u64)], times: u32) -> Vec<(Lattice, u64)> {
    lattices.iter().map(|(lattice, count)| (lattice.clone(), count.saturating_mul(u64::from(times)))).collect()
}

/// `ln` of what infinite losses leave of delta, if anything.
fn left(releases: &[(Lattice, u64)], delta: f64) -> Option<f64> {
    let left = delta - infinite(releases);
    (left > 0.0).then(|| left.ln())
}
