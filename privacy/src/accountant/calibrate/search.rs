//! The search: bracket, then interpolate until the ends are neighbours. Every price is dear, so few are asked for.

use super::{Calibrated, CalibrationError, axis::Axis};
use crate::{
    accountant::{Quote, Refusal},
    units::Epsilon,
};

/// More tries than halving needs on any line.
const TRIES: u32 = 400;
/// Interpolations that may leave more than half of the bracket before the bracket is halved.
const PATIENCE: u32 = 2;

/// A value that costs too much.
#[derive(Clone, Copy)]
struct Dear {
    value: f64,
    price: f64,
}

/// A value that meets the target.
#[derive(Clone, Copy)]
struct Safe<Parameter> {
    value: f64,
    found: Calibrated<Parameter>,
}

/// The value nearest to the dear side that meets `target`, found from `start` on. `price` gives nothing for a value that is no
/// parameter: then it counts as infinitely dear.
pub(super) fn search<Parameter: Copy>(
    axis: &Axis,
    start: f64,
    target: Epsilon,
    mut price: impl FnMut(f64) -> Result<Option<(Parameter, Quote)>, Refusal>,
) -> Result<Calibrated<Parameter>, CalibrationError> {
    if !target.is_finite() {
        return Err(CalibrationError::NothingAsked { parameter: axis.name });
    }
    let (mut safe, mut dear): (Option<Safe<Parameter>>, Option<Dear>) = (None, None);
    let (mut value, mut stride) = (axis.snapped(start, true), 1.0_f64);
    let (mut slow, mut last) = (0, f64::INFINITY);
    for _ in 0..TRIES {
        let tried = price(value)?;
        let cost = tried.as_ref().map_or(f64::INFINITY, |(_, quote)| quote.epsilon.get());
        let met = match tried {
            Some((parameter, quote)) if quote.epsilon <= target => {
                safe = Some(Safe { value, found: Calibrated { parameter, quote } });
                true
            }
            _ => {
                dear = Some(Dear { value, price: cost });
                false
            }
        };
        value = match (safe, dear) {
            (Some(safe), Some(dear)) => {
                if axis.neighbours(safe.value, dear.value) {
                    return Ok(safe.found);
                }
                let gap = (safe.value / dear.value).ln().abs();
                slow = if gap > last / 2.0 { slow + 1 } else { 0 };
                last = gap;
                if slow > PATIENCE {
                    slow = 0;
                    between(axis, &safe, &dear, (safe.value * dear.value).sqrt(), !met)
                } else {
                    // Aims just beyond the answer on the side that was not tried last: when both have been hit, the bracket is done.
                    between(axis, &safe, &dear, crossing(&safe, &dear, target), !met)
                }
            }
            (Some(safe), None) if value == axis.dear_end() => return Ok(safe.found),
            (None, Some(_)) if value == axis.safe_end() => {
                return Err(CalibrationError::OutOfReach {
                    parameter: axis.name,
                    target,
                    safest: value,
                    price: Epsilon::new(cost).unwrap_or(Epsilon::INFINITE),
                });
            }
            _ => {
                let ratio = (cost / target.get()).ln().abs() * axis.slope;
                let guess = if ratio.is_finite() { (1.02 * ratio).exp() } else { 2.0 };
                // The first stride goes where the price suggests; should that be too short, the next ones grow.
                stride = guess.clamp(1.001, 2.0).max(1.0 + 4.0 * (stride - 1.0)).min(1e6);
                axis.moved(value, stride, !met)
            }
        };
    }
    safe.map(|safe| safe.found).ok_or(CalibrationError::OutOfReach {
        parameter: axis.name,
        target,
        safest: axis.safe_end(),
        price: Epsilon::INFINITE,
    })
}

/// Where a power law through both ends meets the target.
fn crossing<Parameter>(safe: &Safe<Parameter>, dear: &Dear, target: Epsilon) -> f64 {
    let (low, high) = (safe.found.quote.epsilon.get().ln(), dear.price.ln());
    let share = (target.get().ln() - low) / (high - low);
    if share.is_finite() {
        safe.value * (dear.value / safe.value).powf(share.clamp(0.0, 1.0))
    } else {
        (safe.value * dear.value).sqrt()
    }
}

/// A value strictly between the ends, near `wanted`, a little to the private side of it (`safer`) or away from it.
fn between<Parameter>(axis: &Axis, safe: &Safe<Parameter>, dear: &Dear, wanted: f64, safer: bool) -> f64 {
    let nudged = match axis.width {
        Some(width) => axis.moved(wanted, 1.0 + 0.4 * width, safer),
        None => axis.snapped(wanted, safer),
    };
    let (low, high) = (safe.value.min(dear.value), safe.value.max(dear.value));
    match axis.width {
        // Never nearer to an end than a hundredth of the bracket: each try then makes it shorter.
        Some(_) => {
            let margin = (high / low).powf(0.01);
            nudged.clamp(low * margin, high / margin)
        }
        None => nudged.clamp(low + 1.0, high - 1.0),
    }
}
