//! One recurrent unit at one time, forwards and backwards, for a row of units side by side.

use super::super::exponential::{sigmoid, tangent};

/// Values of one row; every slice is one number for each unit, `gates` are three.
pub(super) struct Forward<'a> {
    /// What the token says to the three gates, its biases included.
    pub(super) token: &'a [f32],
    /// Biases on the side of the state.
    pub(super) bias: &'a [f32],
    /// The state before.
    pub(super) before: &'a [f32],
    /// What the state says to the three gates; becomes their values.
    pub(super) gates: &'a mut [f32],
    /// Becomes what the state says to the new gate, its bias included.
    pub(super) fresh: &'a mut [f32],
    /// Becomes the state after.
    pub(super) after: &'a mut [f32],
}

/// Reset `r`, update `z`, new `n = tanh(token + r * fresh)`; the state becomes `n + z * (before - n)`.
pub(super) fn forward(row: Forward<'_>) {
    let units = row.before.len();
    let [token_reset, token_update, token_new] = thirds(row.token, units);
    let [bias_reset, bias_update, bias_new] = thirds(row.bias, units);
    let (reset, rest) = row.gates.split_at_mut(units);
    let (update, new) = rest.split_at_mut(units);
    for index in 0..units {
        reset[index] = sigmoid(token_reset[index] + bias_reset[index] + reset[index]);
    }
    for index in 0..units {
        update[index] = sigmoid(token_update[index] + bias_update[index] + update[index]);
    }
    let (fresh, after, before) = (&mut row.fresh[..units], &mut row.after[..units], &row.before[..units]);
    for index in 0..units {
        fresh[index] = new[index] + bias_new[index];
        new[index] = tangent(token_new[index] + reset[index] * fresh[index]);
        after[index] = new[index] + update[index] * (before[index] - new[index]);
    }
}

/// Values and slopes of one row on the way back.
pub(super) struct Backward<'a> {
    /// The state before.
    pub(super) before: &'a [f32],
    /// Slope along the state after, as far as this time's own output goes.
    pub(super) slope: &'a [f32],
    /// The rest of that slope, from later times; becomes the part of the slope along the state before that passes no gate.
    pub(super) carry: &'a mut [f32],
    /// Values of the gates; become the slopes along what the state says to them.
    pub(super) gates: &'a mut [f32],
    /// What the state says to the new gate; becomes the slope along what the token says to it.
    pub(super) fresh: &'a mut [f32],
}

/// The chain rule through [`forward`].
pub(super) fn backward(row: Backward<'_>) {
    let units = row.before.len();
    let (reset, rest) = row.gates.split_at_mut(units);
    let (update, new) = rest.split_at_mut(units);
    let new = &mut new[..units];
    let (before, slope) = (&row.before[..units], &row.slope[..units]);
    let (carry, fresh) = (&mut row.carry[..units], &mut row.fresh[..units]);
    for index in 0..units {
        let (r, z, n) = (reset[index], update[index], new[index]);
        let along = slope[index] + carry[index];
        let along_new = along * (1.0 - z) * (1.0 - n * n);
        reset[index] = along_new * fresh[index] * r * (1.0 - r);
        update[index] = along * (before[index] - n) * z * (1.0 - z);
        new[index] = along_new * r;
        fresh[index] = along_new;
        carry[index] = along * z;
    }
}

fn thirds(values: &[f32], units: usize) -> [&[f32]; 3] {
    let (first, rest) = values.split_at(units);
    let (second, third) = rest.split_at(units);
    [first, second, &third[..units]]
}
