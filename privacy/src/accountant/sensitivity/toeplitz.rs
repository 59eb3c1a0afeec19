//! Toeplitz strategies.

use super::slack;

/// The norm of `sum over j < participations of (column 0, shifted down by j separation)`, cut off after `rounds` rows: the worst
/// pattern starts at the first round and repeats as early as it may.
///
/// Row `t` is a sum over a window of `participations` coefficients `separation` apart. Windows are summed from blocks of
/// their length, as the end of one block and the beginning of the next: nothing is subtracted, so nothing cancels.
pub(super) fn sensitivity(coefficients: &[f64], rounds: usize, participations: usize, separation: usize) -> f64 {
    let at = |index: usize| coefficients.get(index).copied().unwrap_or(0.0);
    let mut squares = 0.0;
    for residue in 0..separation.min(rounds) {
        let steps = (rounds - residue).div_ceil(separation);
        let column: Vec<f64> = (0..steps).map(|step| at(residue + step * separation)).collect();
        let mut ends = column.clone();
        for step in (0..steps).rev() {
            if (step + 1) % participations != 0 && step + 1 < steps {
                ends[step] += ends[step + 1];
            }
        }
        let mut beginning = 0.0;
        for step in 0..steps {
            beginning = if step % participations == 0 { column[step] } else { beginning + column[step] };
            // The window of the last `participations` steps; when it is one whole block, its beginning is all of it.
            let whole = (step + 1) % participations == 0 || step + 1 < participations;
            let row = if whole { beginning } else { ends[step + 1 - participations] + beginning };
            squares += row * row;
        }
    }
    squares.sqrt() * slack(4 * rounds)
}
