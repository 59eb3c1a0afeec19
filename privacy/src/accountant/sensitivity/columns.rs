//! Strategies given column by column.

use super::slack;

/// An upper bound on the sensitivity of any lower-triangular matrix.
///
/// `||sum C_i v_i||^2 = sum over i, j in pi of <C_i, C_j> <v_i, v_j>`, which is at most `sum over i in pi of
/// sum over j in pi of |<C_i, C_j>|`. For each `i` the inner sum is at most its maximum over the patterns that contain `i`; of
/// these maxima the worst pattern is taken. Where columns that may occur together are orthogonal (at most `separation`
/// bands) the inner sum is `||C_i||^2` alone and the bound is attained: the case of Choquette-Choo and others 2023
/// (2306.08153). For other matrices it is their general bound, with the patterns that contain `i` instead of all.
pub(super) fn sensitivity(columns: &[Vec<f64>], participations: usize, separation: usize) -> f64 {
    let rounds = columns.len();
    let bands = columns.iter().map(Vec::len).max().unwrap_or(0);
    let mut maxima = Vec::with_capacity(rounds);
    let mut roundings = bands;
    for column in 0..rounds {
        let inner = |other: usize| product(columns, column.min(other), column.max(other)).abs();
        // Nearest first, so that the pattern grows away from the column on either side.
        let before: Vec<f64> =
            (column.saturating_sub(bands - 1)..column).rev().skip(separation - 1).map(inner).collect();
        let after: Vec<f64> = (column + 1..rounds.min(column + bands)).skip(separation - 1).map(inner).collect();
        let (before, after) =
            (best(&before, participations - 1, separation), best(&after, participations - 1, separation));
        let mut worst: f64 = 0.0;
        for (used, earlier) in before.iter().enumerate().take(participations) {
            let rest = (participations - 1 - used).min(after.len() - 1);
            worst = worst.max(earlier + after[rest]);
        }
        roundings = roundings.max(bands + before.len() + after.len());
        maxima.push(inner(column) + worst);
    }
    let squares = best(&maxima, participations, separation).last().copied().unwrap_or(0.0);
    squares.sqrt() * slack(roundings + participations)
}

/// Upper bound on `|<C_left, C_right>|` for `left <= right`: of a sum with signs the rounding errors are relative to the sum of the
/// magnitudes.
fn product(columns: &[Vec<f64>], left: usize, right: usize) -> f64 {
    let (mut sum, mut magnitude) = (0.0_f64, 0.0);
    let overlap = columns[left].iter().skip(right - left).zip(&columns[right]);
    for (one, other) in overlap {
        sum += one * other;
        magnitude += (one * other).abs();
    }
    sum.abs() + magnitude * columns[right].len() as f64 * f64::EPSILON
}

/// The largest sums of at most `0, 1, ..., count` of `values`, any two of them at least `separation` positions apart; the list ends
/// where one more does not fit.
fn best(values: &[f64], count: usize, separation: usize) -> Vec<f64> {
    let fits = count.min(values.len().div_ceil(separation));
    let mut sums = vec![0.0];
    // `from[i]`: the largest sum of that many values from position `i` on.
    let mut from = vec![0.0; values.len() + 1];
    for _ in 0..fits {
        let mut next = vec![0.0; values.len() + 1];
        for index in (0..values.len()).rev() {
            let later = from[(index + separation).min(values.len())];
            next[index] = f64::max(values[index] + later, next[index + 1]);
        }
        from = next;
        sums.push(from[0]);
    }
    sums
}
