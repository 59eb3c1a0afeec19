//! Where a distribution is cut: finely where the mass that matters is, coarsely where there is little.

use super::{
    density::{Density, Piece, integrate},
    pair::Pair,
};

/// Most cells of one release.
const MOST: usize = 1 << 19;
/// Largest index of a loss.
pub(super) const LARGEST_INDEX: f64 = (1_u64 << 50) as f64;
/// What a cell wider than a step may add to the error of the whole, in squared steps.
const SHARE: f64 = 1e-4;

/// Widest cell, times `steepness + 1`. Its chord is above the curve by a share of the square of that over eight, at most.
const WIDEST: f64 = 0.08;

/// What tells a cell's weight from its mass.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tilt {
    /// Two tilts, each with `ln E[e^(theta loss)]` of this release, roughly: where the moment bound is decided, and where the
    /// exact one is. A cell weighs `e^(theta loss - ln_moment)` times its mass under the one that gives it more.
    pub(super) weights: [(f64, f64); 2],
    /// By how much `ln delta` falls with epsilon, where it matters.
    pub(super) steepness: f64,
}

impl Tilt {
    fn weight(&self, mass: f64, loss: f64) -> f64 {
        if mass <= 0.0 {
            return 0.0;
        }
        let exponent = |(theta, ln_moment): (f64, f64)| theta * loss - ln_moment;
        (mass.ln() + exponent(self.weights[0]).max(exponent(self.weights[1]))).exp()
    }
}

/// The losses from `start` to `end` steps, found between two positions of a density.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cell {
    pub(super) start: i64,
    pub(super) end: i64,
    pub(super) from: f64,
    pub(super) to: f64,
    /// Its mass, seen from its least loss.
    pub(super) piece: Piece,
}

/// Cuts each density of a pair; `None` if that takes too many cells, or indices that floats cannot tell apart.
pub(super) fn cells(pair: &Pair, step: f64, offset: f64, tilt: Option<Tilt>) -> Option<Vec<Vec<Cell>>> {
    let (least, most) = pair.span();
    let fits = (least - offset).abs().max((most - offset).abs()) / step < LARGEST_INDEX;
    if least <= most && !fits {
        return None;
    }
    pair.densities.iter().map(|density| walk(density.as_ref(), step, offset, tilt)).collect()
}

/// Walks up the density. Without a tilt all cells are one step wide. With one, a cell of `m` steps and weight `w` spreads its
/// losses by a variance of about `w m^2` squared steps; it is made as wide as keeps that below a small share.
fn walk(density: &dyn Density, step: f64, offset: f64, tilt: Option<Tilt>) -> Option<Vec<Cell>> {
    let (from, end) = density.range();
    let mut cells: Vec<Cell> = Vec::new();
    let (mut position, mut index, mut width) = (from, ((density.loss(from) - offset) / step).floor() as i64, 1_i64);
    let widest = tilt.map_or(1.0, |tilt| (WIDEST / ((tilt.steepness + 1.0) * step)).clamp(1.0, 1e12)) as i64;
    while position < end {
        let base = offset + index as f64 * step;
        let next = density.position(offset + (index + width) as f64 * step).clamp(position, end);
        let piece = integrate(density, position, next, base);
        if let Some(tilt) = tilt {
            let cost = tilt.weight(piece.mass, base + width as f64 * step / 2.0) * (width as f64).powi(2);
            if width > 1 && cost > 4.0 * SHARE {
                width = (width / 4).max(1);
                continue;
            }
            cells.push(Cell { start: index, end: index + width, from: position, to: next, piece });
            index += width;
            let ideal = width as f64 * (SHARE / cost.max(f64::MIN_POSITIVE)).cbrt();
            width = (ideal as i64).clamp(width / 2, width * 2).clamp(1, widest);
        } else {
            cells.push(Cell { start: index, end: index + 1, from: position, to: next, piece });
            index += 1;
        }
        position = next;
        if cells.len() > MOST {
            return None;
        }
    }
    Some(cells)
}
