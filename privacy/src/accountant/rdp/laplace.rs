//! Renyi divergence of Laplace noise, on the reals and on the integers.
//!
//! With vectors: the divergence of one coordinate is convex in its shift and 0 without one, so it is superadditive, and the worst
//! vector of a given l1 norm has all of it in one coordinate.

/// Laplace noise of scale 1, shifted by `epsilon`.
///
/// # Source
/// Mironov 2017, Proposition 6: `ln(A) / (order - 1)` with
/// `A = (order e^((order-1) epsilon) + (order-1) e^(-order epsilon)) / (2 order - 1)`.
pub(super) fn continuous(epsilon: f64, order: f64) -> f64 {
    let (rising, falling) = ((order - 1.0) * epsilon, order * epsilon);
    let weight = order / (2.0 * order - 1.0);
    if rising > 1.0 {
        // Far from 0: the larger term is taken out.
        return (rising + (weight + (1.0 - weight) * (-rising - falling).exp()).ln()) / (order - 1.0);
    }
    // The linear terms of `A - 1` cancel exactly, and are left out.
    let excess = weight * exp_beyond_linear(rising) + (1.0 - weight) * exp_beyond_linear(-falling);
    excess.ln_1p() / (order - 1.0)
}

/// Discrete Laplace noise, `P(x)` proportional to `p^|x|` with `p = e^-rate`, shifted by the integer `shift`.
///
/// # Source
/// The sum `A = sum over x of P(x - shift)^order P(x)^(1 - order)` is three geometric series. It comes to
/// `A = k e^((order-1) epsilon) + (1 - k) e^(-order epsilon)`, with `epsilon = rate shift`,
/// `k = (1/(1-p) + 1/(e^((2 order-1) rate) - 1)) (1-p)/(1+p)`. Both weights are positive, so `ln A` is convex in the shift.
pub(super) fn discrete(rate: f64, shift: f64, order: f64) -> f64 {
    let epsilon = rate * shift;
    let (rising, falling) = ((order - 1.0) * epsilon, order * epsilon);
    let wide = ((2.0 * order - 1.0) * rate).exp_m1();
    let weight = (1.0 + (-(-rate).exp_m1()) / wide) / (1.0 + (-rate).exp());
    if rising > 1.0 {
        return (rising + (weight + (1.0 - weight) * (-rising - falling).exp()).ln()) / (order - 1.0);
    }
    // Of the linear terms `rising k - falling (1 - k)` little is left; its rounding error is added.
    let linear = epsilon * ((2.0 * order - 1.0) * weight - order).max(0.0) + 8.0 * f64::EPSILON * order * epsilon;
    let excess = weight * exp_beyond_linear(rising) + (1.0 - weight) * exp_beyond_linear(-falling) + linear;
    excess.ln_1p() / (order - 1.0)
}

/// `e^x - 1 - x`, which is never negative, without cancellation near 0.
fn exp_beyond_linear(x: f64) -> f64 {
    if x.abs() > 0.1 {
        return x.exp_m1() - x;
    }
    // Ten terms from the square on leave less than 1e-18 of the first.
    let (mut term, mut sum) = (x * x / 2.0, 0.0);
    for power in 3..13 {
        sum += term;
        term *= x / f64::from(power);
    }
    sum
}
