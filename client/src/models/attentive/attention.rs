//! What characters of one sequence take from those before them: scaled dot products, by several heads side by side (Vaswani et al. 2017,
//! sections 3.2.1 and 3.2.2), each character seeing itself and what came before.

use std::ops::Range;

use crate::models::product::{self, Matrix};

/// The buffers of all sequences and heads of a batch.
#[derive(Default)]
pub(super) struct Attention {
    /// For each sequence and head one row for each character: how much it takes from which.
    shares: Vec<f32>,
    query: Vec<f32>,
    key: Vec<f32>,
    value: Vec<f32>,
    slope: Vec<f32>,
    scores: Vec<f32>,
    result: Vec<f32>,
}

/// Copies a head's columns out of rows of `stride`.
fn take(rows: &[f32], stride: usize, columns: Range<usize>, into: &mut Vec<f32>) {
    into.clear();
    rows.chunks_exact(stride).for_each(|row| into.extend_from_slice(&row[columns.clone()]));
}

/// Copies a head's columns back.
fn put(values: &[f32], rows: &mut [f32], stride: usize, columns: &Range<usize>) {
    let width = columns.len();
    for (row, values) in rows.chunks_exact_mut(stride).zip(values.chunks_exact(width)) {
        row[columns.clone()].copy_from_slice(values);
    }
}

impl Attention {
    /// From queries, keys and values, `[rows, 3 * width]`, what each character takes, `[rows, width]`. Sequences lie end to end.
    pub(super) fn forward(&mut self, said: &[f32], width: usize, heads: usize, lengths: &[usize], into: &mut Vec<f32>) {
        let (head_width, mut first) = (width / heads, 0);
        let factor = 1.0 / (head_width as f32).sqrt();
        self.shares.clear();
        into.resize(said.len() / 3, 0.0);
        for &length in lengths {
            let rows = &said[first * 3 * width..(first + length) * 3 * width];
            for head in 0..heads {
                self.split(rows, width, head, head_width);
                self.scores.clear();
                self.scores.resize(length * length, 0.0);
                let key = Matrix::new(&self.key, head_width).transposed();
                product::add(&mut self.scores, factor, Matrix::new(&self.query, head_width), key);
                for (place, row) in self.scores.chunks_exact_mut(length).enumerate() {
                    let (seen, later) = row.split_at_mut(place + 1);
                    softmax(seen);
                    later.fill(0.0);
                }
                self.result.resize(length * head_width, 0.0);
                let shares = Matrix::new(&self.scores, length);
                product::set(&mut self.result, shares, Matrix::new(&self.value, head_width));
                let mine = &mut into[first * width..(first + length) * width];
                put(&self.result, mine, width, &(head * head_width..(head + 1) * head_width));
                self.shares.extend_from_slice(&self.scores);
            }
            first += length;
        }
    }

    fn split(&mut self, rows: &[f32], width: usize, head: usize, head_width: usize) {
        for (part, into) in [&mut self.query, &mut self.key, &mut self.value].into_iter().enumerate() {
            let begin = part * width + head * head_width;
            take(rows, 3 * width, begin..begin + head_width, into);
        }
    }

    /// Replaces queries, keys and values of the last [`forward`](Self::forward) by the slopes along them; `slope` is that along what was
    /// taken.
    pub(super) fn backward(&mut self, said: &mut [f32], width: usize, heads: usize, lengths: &[usize], slope: &[f32]) {
        let (head_width, mut first, mut of_shares) = (width / heads, 0, 0);
        let factor = 1.0 / (head_width as f32).sqrt();
        for &length in lengths {
            let rows = first * 3 * width..(first + length) * 3 * width;
            for head in 0..heads {
                let columns = head * head_width..(head + 1) * head_width;
                self.split(&said[rows.clone()], width, head, head_width);
                take(&slope[first * width..(first + length) * width], width, columns.clone(), &mut self.slope);
                let shares = &self.shares[of_shares..of_shares + length * length];
                of_shares += shares.len();
                // Along the shares, and through the softmax along the scores.
                self.scores.resize(length * length, 0.0);
                let along = Matrix::new(&self.slope, head_width);
                product::set(&mut self.scores, along, Matrix::new(&self.value, head_width).transposed());
                for (scores, shares) in self.scores.chunks_exact_mut(length).zip(shares.chunks_exact(length)) {
                    let mean: f32 = scores.iter().zip(shares).map(|(slope, share)| slope * share).sum();
                    scores.iter_mut().zip(shares).for_each(|(slope, share)| *slope = share * (*slope - mean) * factor);
                }
                let (shares, scores) = (Matrix::new(shares, length), Matrix::new(&self.scores, length));
                self.result.resize(length * head_width, 0.0);
                let mine = &mut said[rows.clone()];
                let of = |part: usize| part * width + columns.start..part * width + columns.end;
                product::set(&mut self.result, scores, Matrix::new(&self.key, head_width));
                put(&self.result, mine, 3 * width, &of(0));
                product::set(&mut self.result, scores.transposed(), Matrix::new(&self.query, head_width));
                put(&self.result, mine, 3 * width, &of(1));
                product::set(&mut self.result, shares.transposed(), along);
                put(&self.result, mine, 3 * width, &of(2));
            }
            first += length;
        }
    }
}

fn softmax(row: &mut [f32]) {
    let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut total = 0.0;
    for value in row.iter_mut() {
        *value = (*value - top).exp();
        total += *value;
    }
    row.iter_mut().for_each(|value| *value /= total);
}
