//! ReLU and 2x2 max-pooling in one pass, channels innermost.

/// Marks an output that ReLU cut to zero: nothing flows back through it.
const CUT: u8 = 4;

/// Pools `input`, row-major `[2 * rows, 2 * columns, channels]`, after adding `bias` to every position, into outputs
/// `[rows, columns, channels]`, and notes for each which of the four was the largest.
pub(super) fn pool(input: &[f32], columns: usize, bias: &[f32], outputs: &mut [f32], winners: &mut [u8]) {
    let channels = bias.len();
    let line = 2 * columns * channels;
    let cells = outputs.chunks_exact_mut(channels).zip(winners.chunks_exact_mut(channels));
    for (index, (output, winner)) in cells.enumerate() {
        let start = index / columns * 2 * line + index % columns * 2 * channels;
        let upper = &input[start..start + 2 * channels];
        let lower = &input[start + line..start + line + 2 * channels];
        let (one, two) = upper.split_at(channels);
        let (three, four) = lower.split_at(channels);
        for channel in 0..channels {
            let (mut best, mut which) = (one[channel], 0);
            if two[channel] > best {
                (best, which) = (two[channel], 1);
            }
            if three[channel] > best {
                (best, which) = (three[channel], 2);
            }
            if four[channel] > best {
                (best, which) = (four[channel], 3);
            }
            let value = best + bias[channel];
            // A NaN is passed on, as everywhere; it counts as positive.
            let cut = value <= 0.0;
            output[channel] = if cut { 0.0 } else { value };
            winner[channel] = if cut { CUT } else { which };
        }
    }
}

/// The slope along the input of [`pool`], from the slope along its outputs.
pub(super) fn unpool(slope: &[f32], winners: &[u8], columns: usize, channels: usize, spread: &mut [f32]) {
    let line = 2 * columns * channels;
    let cells = slope.chunks_exact(channels).zip(winners.chunks_exact(channels));
    for (index, (slope, winner)) in cells.enumerate() {
        let start = index / columns * 2 * line + index % columns * 2 * channels;
        for (corner, offset) in [0, channels, line, line + channels].into_iter().enumerate() {
            let target = &mut spread[start + offset..start + offset + channels];
            for ((target, &slope), &winner) in target.iter_mut().zip(slope).zip(winner) {
                *target = if usize::from(winner) == corner { slope } else { 0.0 };
            }
        }
    }
}

/// Adds the slope along the bias: what flows back through each channel.
pub(super) fn add_bias_slope(slope: &[f32], winners: &[u8], sums: &mut [f32]) {
    let channels = sums.len();
    for (slope, winner) in slope.chunks_exact(channels).zip(winners.chunks_exact(channels)) {
        for ((sum, &slope), &winner) in sums.iter_mut().zip(slope).zip(winner) {
            *sum += if winner == CUT { 0.0 } else { slope };
        }
    }
}
