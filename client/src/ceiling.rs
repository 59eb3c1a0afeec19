//! What one thread of this machine does at its best, for measurements that are to be compared with what is possible.

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use crate::models::square_product;

/// Side of the square matrices that are multiplied: all three fit a second-level cache, and the library's kernels are at their best.
const SIDE: usize = 256;

/// Floating-point operations per second of the matrix product that the built-in models use, on one thread: the best of many products
/// in the time given. A multiplication and an addition are two.
#[must_use]
pub fn flops(span: Duration) -> f64 {
    let (left, right, mut into) = (vec![0.5; SIDE * SIDE], vec![0.25; SIDE * SIDE], vec![0.0; SIDE * SIDE]);
    let operations = (2 * SIDE * SIDE * SIDE) as f64;
    best(span, || square_product(black_box(&mut into), black_box(&left), black_box(&right), SIDE)) * operations
}

/// Bytes per second of adding one vector of so many `f32` to another, on one thread: two are read and one is written.
#[must_use]
pub fn bytes_per_second(values: usize, span: Duration) -> f64 {
    let (mut sum, addend) = (vec![0.0_f32; values], vec![1.0_f32; values]);
    let bytes = (3 * size_of::<f32>() * values) as f64;
    let add = || black_box(&mut sum).iter_mut().zip(black_box(&addend)).for_each(|(sum, addend)| *sum += addend);
    best(span, add) * bytes
}

/// How often a second `work` is done, where it is done fastest.
fn best(span: Duration, mut work: impl FnMut()) -> f64 {
    let (start, mut least) = (Instant::now(), f64::INFINITY);
    while start.elapsed() < span {
        let once = Instant::now();
        work();
        least = least.min(once.elapsed().as_secs_f64());
    }
    1.0 / least.max(f64::MIN_POSITIVE)
}
