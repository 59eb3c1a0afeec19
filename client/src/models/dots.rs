//! Products of every row with every row: `left * right^T`, where both lie row after row.
//!
//! A general matrix product first copies its factors into an order that suits it. Where one of them has few rows that copy costs as much as
//! the arithmetic; here nothing is copied, since rows lie as vector instructions want them.

use pulp::{Arch, Simd, WithSimd};

/// Bytes of left rows that are multiplied with one right row after the other: they stay in the second level of cache.
const GROUP_BYTES: usize = 1 << 17;
/// Right rows that are multiplied at a time.
const RIGHT: usize = 4;

/// `into[i * stride + j] = <left_i, right_j>`, for rows of `depth` numbers; what lies between the rows of `into` stays.
///
/// The order of additions depends on the vector instructions that the processor has, and on nothing else.
pub(super) fn set(into: &mut [f32], stride: usize, left: &[f32], right: &[f32], depth: usize) {
    if depth == 0 || left.is_empty() || right.is_empty() {
        return;
    }
    // PANIC: whoever calls cuts `into` to the shape of the product.
    assert!(left.len().is_multiple_of(depth) && right.len().is_multiple_of(depth));
    let (rows, columns) = (left.len() / depth, right.len() / depth);
    assert!(columns <= stride && (rows - 1) * stride + columns <= into.len());
    Arch::new().dispatch(Dots { into, stride, left, right, depth });
}

struct Dots<'a> {
    into: &'a mut [f32],
    stride: usize,
    left: &'a [f32],
    right: &'a [f32],
    depth: usize,
}

impl WithSimd for Dots<'_> {
    type Output = ();

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) {
        // As many sums as there are registers for, beside what is multiplied.
        if S::REGISTER_COUNT >= 32 { self.by_groups::<S, 5>(simd) } else { self.by_groups::<S, 3>(simd) }
    }
}

impl Dots<'_> {
    #[inline(always)]
    fn by_groups<S: Simd, const LEFT: usize>(self, simd: S) {
        let Self { into, stride, left, right, depth } = self;
        let rows = (GROUP_BYTES / size_of::<f32>() / depth / LEFT).max(1) * LEFT;
        for (into, left) in into.chunks_mut(rows * stride).zip(left.chunks(rows * depth)) {
            for (column, right) in right.chunks(RIGHT * depth).enumerate() {
                let into = &mut into[column * RIGHT..];
                if let Some(right) = rows_of::<RIGHT>(right, depth) {
                    below::<S, LEFT, RIGHT>(simd, into, stride, left, right, depth);
                } else {
                    for (column, right) in right.chunks_exact(depth).enumerate() {
                        below::<S, LEFT, 1>(simd, &mut into[column..], stride, left, [right], depth);
                    }
                }
            }
        }
    }
}

/// All left rows with some right ones.
#[inline(always)]
fn below<S: Simd, const LEFT: usize, const COLUMNS: usize>(
    simd: S,
    into: &mut [f32],
    stride: usize,
    left: &[f32],
    right: [&[f32]; COLUMNS],
    depth: usize,
) {
    for (row, left) in left.chunks(LEFT * depth).enumerate() {
        let into = &mut into[row * LEFT * stride..];
        if let Some(left) = rows_of::<LEFT>(left, depth) {
            put(into, stride, block(simd, left, right));
        } else if let Some(left) = rows_of::<2>(left, depth) {
            put(into, stride, block(simd, left, right));
        } else {
            for (row, left) in left.chunks_exact(depth).enumerate() {
                put(&mut into[row * stride..], stride, block(simd, [left], right));
            }
        }
    }
}

#[inline(always)]
fn put<const ROWS: usize, const COLUMNS: usize>(into: &mut [f32], stride: usize, block: [[f32; COLUMNS]; ROWS]) {
    for (row, values) in block.iter().enumerate() {
        into[row * stride..][..COLUMNS].copy_from_slice(values);
    }
}

/// The rows, if there are so many.
#[inline(always)]
fn rows_of<const ROWS: usize>(values: &[f32], depth: usize) -> Option<[&[f32]; ROWS]> {
    if values.len() != ROWS * depth {
        return None;
    }
    let mut rows: [&[f32]; ROWS] = [&[]; ROWS];
    for (at, row) in rows.iter_mut().enumerate() {
        *row = &values[at * depth..][..depth];
    }
    Some(rows)
}

/// Every left row with every right one; all are equally long.
///
/// Loops instead of closures: these would be compiled by themselves, without the vector instructions that were chosen.
#[inline(always)]
fn block<S: Simd, const ROWS: usize, const COLUMNS: usize>(
    simd: S,
    left: [&[f32]; ROWS],
    right: [&[f32]; COLUMNS],
) -> [[f32; COLUMNS]; ROWS] {
    let (left, left_rest) = in_vectors::<S, ROWS>(left);
    let (right, right_rest) = in_vectors::<S, COLUMNS>(right);
    let mut sums = [[simd.splat_f32s(0.0); COLUMNS]; ROWS];
    for at in 0..left[0].len() {
        // The fewer left ones stay in registers from column to column: with the sums that is all there are.
        for column in 0..COLUMNS {
            let factor = right[column][at];
            for row in 0..ROWS {
                sums[row][column] = simd.mul_add_e_f32s(left[row][at], factor, sums[row][column]);
            }
        }
    }
    // Rows of whole vectors, as most are, have no rest: looking for one took a seventh of the whole time.
    if !left_rest[0].is_empty() {
        for row in 0..ROWS {
            let factor = simd.partial_load_f32s(left_rest[row]);
            for column in 0..COLUMNS {
                let other = simd.partial_load_f32s(right_rest[column]);
                sums[row][column] = simd.mul_add_e_f32s(factor, other, sums[row][column]);
            }
        }
    }
    let mut dots = [[0.0; COLUMNS]; ROWS];
    for row in 0..ROWS {
        for column in 0..COLUMNS {
            dots[row][column] = simd.reduce_sum_f32s(sums[row][column]);
        }
    }
    dots
}

/// Whole vectors of rows that are equally long, and what is left of each.
#[inline(always)]
fn in_vectors<S: Simd, const ROWS: usize>(rows: [&[f32]; ROWS]) -> ([&[S::f32s]; ROWS], [&[f32]; ROWS]) {
    let (mut whole, mut rest): ([&[S::f32s]; ROWS], [&[f32]; ROWS]) = ([&[]; ROWS], [&[]; ROWS]);
    let count = S::as_simd_f32s(rows[0]).0.len();
    for (at, row) in rows.into_iter().enumerate() {
        let (vectors, left) = S::as_simd_f32s(row);
        (whole[at], rest[at]) = (&vectors[..count], left);
    }
    (whole, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_the_definitions_and_what_lies_between_stays() {
        for (rows, columns, depth) in [
            (1, 1, 1),
            (2, 3, 5),
            (3, 4, 8),
            (5, 7, 16),
            (10, 9, 33),
            (20, 200, 50),
            (61, 6, 784),
            (0, 3, 4),
            (3, 0, 4),
        ] {
            let number = |index: usize| ((index * 7 + 3) % 23) as f32 - 11.0;
            let left: Vec<f32> = (0..rows * depth).map(number).collect();
            let right: Vec<f32> = (0..columns * depth).map(|index| number(index + 5)).collect();
            let stride = columns + 2;
            let mut into = vec![0.5; rows * stride];
            set(&mut into, stride, &left, &right, depth);
            for (row, values) in into.chunks(stride).enumerate() {
                for (column, value) in values.iter().enumerate() {
                    let dot = |column: usize| -> f32 {
                        (0..depth).map(|k| left[row * depth + k] * right[column * depth + k]).sum()
                    };
                    // Small integers: every order of additions gives the same.
                    let expected = if column < columns { dot(column) } else { 0.5 };
                    assert_eq!(*value, expected, "{rows} {columns} {depth}: {row}, {column}");
                }
            }
        }
    }

    #[test]
    #[should_panic(expected = "assertion failed")]
    fn a_product_that_does_not_fit_is_not_begun() {
        set(&mut [0.0; 5], 3, &[0.0; 4], &[0.0; 6], 2);
    }
}
