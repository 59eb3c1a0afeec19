//! Numbers rounded to integers that were squared and summed in integers, fast enough for every device of a large simulation.
//!
//! The loops are plain, over blocks of fixed size, and the compiler turns them into vector instructions; `pulp` chooses at run time between
//! those that the processor has. (What is handed to it is named: a closure would be compiled by itself, for any processor.) All operations are exact, or rounded once in a fixed order, so the bits do not depend on the choice.

use pulp::{Arch, Simd, WithSimd};

/// Bounds up to this are rounded into 32 bits: nearly all. Larger ones take the same path in 64.
const SMALL: u64 = 1 << 26;
/// Bounds up to this are rounded in single precision, which knows all integers around [`SINGLE_INTEGERS`], in a third less time. Every grid
/// that is [fitted](crate::grid::Grid::fit) to a model of up to 2^28 parameters has such a bound.
const SINGLE: u64 = 1 << 22;
/// Coordinates whose squares are summed in 64 bits: `SMALL^2 * BLOCK = 2^62`.
const BLOCK: usize = 1 << 10;
/// Sums that grow side by side; the order of additions is part of what a seed means.
const LANES: usize = 16;
/// `1.5 * 2^52`: the numbers around it are the integers, so adding it rounds to nearest, ties to even.
const INTEGERS: f64 = 6_755_399_441_055_744.0;
/// `1.5 * 2^23`, the same for single precision.
const SINGLE_INTEGERS: f32 = 12_582_912.0;

/// Integers of size at most `bound`, and the sum of their squares.
pub(crate) struct Rounding {
    pub(crate) integers: Integers,
    squared_norm: u128,
}

/// What becomes of integers that fit into 32 bits.
#[derive(Clone, Copy)]
pub(crate) struct Room {
    /// How many words there is room for, to which others may be added.
    pub(crate) words: usize,
    /// Which of their bits are kept.
    pub(crate) mask: u32,
}

/// The smallest words that hold them.
pub(crate) enum Integers {
    /// Their residues modulo a power of two, 32 bits at most.
    Small(Vec<u32>),
    Large(Vec<i64>),
}

impl Rounding {
    /// `value * factor`, in float arithmetic that depends on `bound` and `factor` alone, rounded to nearest, cut off at `bound` in size (which no
    /// integer within an l2 bound exceeds). All values are finite; `bound` is at most [`BOUND_LIMIT`](crate::grid::BOUND_LIMIT).
    pub(crate) fn of(values: &[f32], factor: f64, bound: u64, room: Room) -> Self {
        if bound <= SMALL { Self::small(values, factor, bound, room) } else { Self::large(values, factor, bound) }
    }

    pub(crate) fn zeros(count: usize, bound: u64) -> Self {
        let integers = if bound <= SMALL { Integers::Small(vec![0; count]) } else { Integers::Large(vec![0; count]) };
        Self { integers, squared_norm: 0 }
    }

    /// Sum of the squares of exactly these integers, computed in integers.
    pub(crate) fn squared_norm(&self) -> u128 {
        self.squared_norm
    }

    fn small(values: &[f32], factor: f64, bound: u64, room: Room) -> Self {
        let mut words = Vec::with_capacity(room.words.max(values.len()));
        let squared_norm = Arch::new().dispatch(Small { words: &mut words, mask: room.mask, values, factor, bound });
        Self { integers: Integers::Small(words), squared_norm }
    }

    fn large(values: &[f32], factor: f64, bound: u64) -> Self {
        let integers: Vec<i64> = values.iter().map(|value| rounded(*value, factor, bound)).collect();
        // At most 2^32 squares of at most 2^80 each.
        let squared_norm = integers.iter().map(|integer| u128::from(integer.unsigned_abs()).pow(2)).sum();
        Self { integers: Integers::Large(integers), squared_norm }
    }
}

struct Small<'a> {
    words: &'a mut Vec<u32>,
    mask: u32,
    values: &'a [f32],
    factor: f64,
    bound: u64,
}

impl WithSimd for Small<'_> {
    type Output = u128;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> u128 {
        let Self { words, mask, values, factor, bound } = self;
        let single = factor as f32;
        // With a factor beyond its range there would be no number at all, and below it few digits.
        if bound <= SINGLE && single.is_normal() {
            round_small(
                words,
                mask,
                values,
                #[inline(always)]
                |value| rounded_in_single(value, single, bound),
            )
        } else {
            round_small(
                words,
                mask,
                values,
                #[inline(always)]
                |value| rounded(value, factor, bound) as i32,
            )
        }
    }
}

/// Lies in whole lines of the cache.
#[repr(align(64))]
struct Block([u32; BLOCK]);

/// `rounded` gives integers of at most 2^26 in size.
#[inline(always)]
fn round_small(words: &mut Vec<u32>, mask: u32, values: &[f32], rounded: impl Fn(f32) -> i32) -> u128 {
    let (mut squared_norm, mut block) = (0, Block([0; BLOCK]));
    for values in values.chunks(BLOCK) {
        let block = &mut block.0[..values.len()];
        for (word, value) in block.iter_mut().zip(values) {
            *word = rounded(*value) as u32;
        }
        let mut squares = 0_i64;
        for word in block.iter_mut() {
            let integer = i64::from(*word as i32);
            squares += integer * integer;
            *word &= mask;
        }
        squared_norm += u128::from(squares.unsigned_abs());
        // A block stays in the nearest cache, so that the words' own memory is written once, and not cleared before.
        words.extend_from_slice(block);
    }
    squared_norm
}

/// To nearest, ties to even. Within 2^51 of [`INTEGERS`] the bits of a number count up by one from integer to integer.
#[inline(always)]
fn rounded(value: f32, factor: f64, bound: u64) -> i64 {
    let limit = bound as f64;
    let scaled = (f64::from(value) * factor).clamp(-limit, limit);
    (scaled + INTEGERS).to_bits() as i64 - INTEGERS.to_bits() as i64
}

/// The same in single precision, for bounds up to [`SINGLE`]: a product that overflows is cut off.
#[inline(always)]
fn rounded_in_single(value: f32, factor: f32, bound: u64) -> i32 {
    let limit = bound as f32;
    let scaled = (value * factor).clamp(-limit, limit);
    (scaled + SINGLE_INTEGERS).to_bits().wrapping_sub(SINGLE_INTEGERS.to_bits()) as i32
}

/// Sum of squares in `f64`: to float accuracy, and not finite exactly when a value is not.
pub(crate) fn squared_length(values: &[f32]) -> f64 {
    Arch::new().dispatch(Squares(values))
}

struct Squares<'a>(&'a [f32]);

impl WithSimd for Squares<'_> {
    type Output = f64;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> f64 {
        sum_squares(self.0)
    }
}

#[inline(always)]
fn sum_squares(values: &[f32]) -> f64 {
    let mut sums = [0.0_f64; LANES];
    let (blocks, rest) = values.as_chunks::<LANES>();
    for block in blocks {
        for (sum, value) in sums.iter_mut().zip(block) {
            *sum += f64::from(*value) * f64::from(*value);
        }
    }
    for (sum, value) in sums.iter_mut().zip(rest) {
        *sum += f64::from(*value) * f64::from(*value);
    }
    sums.iter().sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    const WHOLE: Room = Room { words: 0, mask: u32::MAX };

    fn integers(rounding: &Rounding) -> Vec<i64> {
        match &rounding.integers {
            Integers::Small(words) => words.iter().map(|word| i64::from(*word as i32)).collect(),
            Integers::Large(integers) => integers.clone(),
        }
    }

    #[test]
    fn small_and_large_bounds_round_as_the_definition_does_and_sum_the_same_squares() {
        let values: Vec<f32> =
            (0..5_000).map(|n| (n as f32 - 2_500.0) / 2.0 * if n % 3 == 0 { 1.0 } else { 0.37 }).collect();
        for factor in [1.0, 0.999, 3.25, 1e-9] {
            let expected: Vec<i64> =
                values.iter().map(|value| (f64::from(*value) * factor).round_ties_even() as i64).collect();
            let squares: u128 = expected.iter().map(|integer| u128::from(integer.unsigned_abs()).pow(2)).sum();
            for bound in [SINGLE + 1, SMALL, SMALL + 1, crate::grid::BOUND_LIMIT] {
                let rounding = Rounding::of(&values, factor, bound, WHOLE);
                assert_eq!(integers(&rounding), expected, "{factor} {bound}");
                assert_eq!(rounding.squared_norm(), squares, "{factor} {bound}");
            }
        }
    }

    #[test]
    fn the_smallest_bounds_round_in_single_precision_and_sum_the_squares_of_what_came_of_it() {
        let values: Vec<f32> = (0..5_000).map(|n| (n as f32 - 2_500.0) / 2.0).collect();
        for factor in [1.0, 0.999, 3.25, 800.0, 1e-9, 1e60, 1e-60] {
            for bound in [1_000_000, SINGLE] {
                let cut = bound as f64;
                let exact = values.iter().map(|value| (f64::from(*value) * factor).clamp(-cut, cut));
                let rounding = Rounding::of(&values, factor, bound, WHOLE);
                let found = integers(&rounding);
                for (integer, exact) in found.iter().zip(exact) {
                    // Factor and product are each rounded to 24 digits before the product is rounded to an integer.
                    let off = (*integer as f64 - exact).abs();
                    assert!(off <= 0.5 + exact.abs() * 2.0_f64.powi(-22), "{factor} {bound}: {integer} is not {exact}");
                }
                let squares: u128 = found.iter().map(|integer| u128::from(integer.unsigned_abs()).pow(2)).sum();
                assert_eq!(rounding.squared_norm(), squares, "{factor} {bound}");
            }
        }
        let halves = Rounding::of(&[0.5, 1.5, 2.5, -0.5, -1.5, f32::MAX, f32::MIN], 1.0, SINGLE, WHOLE);
        assert_eq!(integers(&halves), [0, 2, 2, 0, -2, SINGLE as i64, -(SINGLE as i64)]);
    }

    #[test]
    fn small_integers_come_as_residues_with_room_for_others() {
        let values: Vec<f32> = (0..2_100).map(|n| n as f32 - 1_000.0).collect();
        let rounding = Rounding::of(&values, 1.0, SMALL, Room { words: 2_103, mask: (1 << 12) - 1 });
        let Integers::Small(words) = rounding.integers else { unreachable!() };
        let residues: Vec<u32> = values.iter().map(|value| (*value as i32).rem_euclid(1 << 12) as u32).collect();
        assert_eq!(words, residues);
        assert!(words.capacity() >= 2_103);
    }

    #[test]
    fn nothing_is_beyond_the_bound_and_the_largest_block_does_not_overflow() {
        for bound in [1, 1_000, SINGLE, SMALL, SMALL + 1, crate::grid::BOUND_LIMIT] {
            let values = vec![f32::MAX, f32::MIN, bound as f32, -(bound as f32), 0.4, f32::MAX];
            let values: Vec<f32> = values.into_iter().cycle().take(3 * BLOCK).collect();
            let rounding = Rounding::of(&values, 1e60, bound, WHOLE);
            let edge = bound as i64;
            assert!(integers(&rounding).iter().all(|integer| integer.abs() == edge), "{bound}");
            assert_eq!(rounding.squared_norm(), u128::from(bound).pow(2) * 3 * BLOCK as u128);
        }
    }

    #[test]
    fn a_squared_length_is_finite_exactly_when_all_values_are() {
        for length in [0, 1, LANES - 1, LANES, 3 * LANES + 1] {
            assert_eq!(squared_length(&vec![2.0; length]), 4.0 * length as f64);
            assert!(squared_length(&vec![f32::MAX; length]).is_finite());
            for place in 0..length {
                for odd in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY] {
                    let mut values = vec![1.0; length];
                    values[place] = odd;
                    assert!(!squared_length(&values).is_finite());
                }
            }
        }
    }
}
