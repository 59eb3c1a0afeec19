//! The upper tail of one coordinate: of a uniform direction in d dimensions, and of a normal deviate, which is its limit.
//!
//! Everything is positive and in logarithms: nothing is subtracted from one, and no gamma function of a large argument is taken.

use std::f64::consts::PI;

/// Beyond this exponent an integrand counts as zero: `e^-46` is 1e-20.
const REACH: f64 = 46.0;
/// Equal parts that an integral is cut into.
const PARTS: u32 = 16;
/// Nodes and weights of Gauss and Legendre's rule of ten points, the positive half. On one part the integrands below fall by less
/// than `e^6`: the rule's error is far below float accuracy.
const RULE: [(f64, f64); 5] = [
    (0.973_906_528_517_171_7, 0.066_671_344_308_688_14),
    (0.865_063_366_688_984_5, 0.149_451_349_150_580_6),
    (0.679_409_568_299_024_4, 0.219_086_362_515_982_04),
    (0.433_395_394_129_247_2, 0.269_266_719_309_996_35),
    (0.148_874_338_981_631_22, 0.295_524_224_714_752_87),
];

/// An angle between 0 and a right one, without loss where it is small.
#[derive(Clone, Copy, Debug)]
pub(super) struct Angle {
    pub(super) cosine: f64,
    pub(super) sine: f64,
    ln_sine: f64,
}

impl Angle {
    /// For a cosine in `[0, 1)`.
    pub(super) fn of_cosine(cosine: f64) -> Self {
        let square = (1.0 - cosine) * (1.0 + cosine);
        // Each form where it keeps its digits: near one the square is far from 1, near zero the cosine's is tiny.
        let ln_sine = if cosine > 0.5 { square.ln() / 2.0 } else { (-cosine * cosine).ln_1p() / 2.0 };
        Self { cosine, sine: square.sqrt(), ln_sine }
    }

    /// Between two unit vectors at this distance, above 0 and at most `sqrt(2)`.
    pub(super) fn of_chord(chord: f64) -> Self {
        let quarter = chord * chord / 4.0;
        let cosine = (1.0 - 2.0 * quarter).max(0.0);
        Self { cosine, sine: chord * (1.0 - quarter).sqrt(), ln_sine: chord.ln() + (-quarter).ln_1p() / 2.0 }
    }

    /// In radians.
    pub(super) fn radians(self) -> f64 {
        self.sine.atan2(self.cosine)
    }

    /// `ln((sin(angle - y) / sin(angle))^power)`, for `y` from 0 to the angle.
    pub(super) fn ln_weight(self, power: f64, y: f64) -> f64 {
        // The ratio is cos y - cot(angle) sin y.
        let half = (y / 2.0).sin();
        let change = -2.0 * half * half - self.cosine / self.sine * y.sin();
        // In the plane no power is taken, of zero neither; next to the pole, where the sine is zero, rounding may pass -1.
        if power == 0.0 { 0.0 } else { power * change.max(-1.0).ln_1p() }
    }
}

/// The tail of a variable `T` above a threshold.
#[derive(Clone, Copy, Debug)]
pub(super) struct Tail {
    /// `ln P(T >= threshold)`.
    pub(super) ln_mass: f64,
    /// `E[T | T >= threshold] - threshold`.
    pub(super) excess: f64,
}

impl Tail {
    /// `T = <V, u>` for `V` uniform on the sphere of `dimension` at least 2, above the cosine of `angle`: a cap.
    ///
    /// # Source
    /// `T` has density `c (1 - t^2)^((d - 3) / 2)` with `c = Gamma(d / 2) / (sqrt(pi) Gamma((d - 1) / 2))`; in the angle
    /// `t = cos x` the mass is `c` times the integral of `sin(x)^(d - 2)` from 0 to the cap's angle, taken here inwards from the cap's
    /// edge and relative to the integrand there ([`Angle::ln_weight`]).
    pub(super) fn of_direction(dimension: usize, angle: Angle) -> Self {
        let power = dimension as f64 - 2.0;
        // The logarithm of the weight is at most -slope y, and at most -power y^2 / 2.
        let slope = power * angle.cosine / angle.sine;
        let reach = angle.radians().min(REACH / slope).min((2.0 * REACH / power).sqrt());
        let ln_weight = |y| angle.ln_weight(power, y);
        // cos(angle - y) - cos(angle).
        let excess = |y: f64| {
            let (sine, cosine) = (y / 2.0).sin_cos();
            2.0 * sine * (angle.sine * cosine - angle.cosine * sine)
        };
        let (integral, excess) = integrals(reach, ln_weight, excess);
        let ln_constant = ln_gamma_step((dimension as f64 - 1.0) / 2.0) - PI.ln() / 2.0;
        Self { ln_mass: ln_constant + power * angle.ln_sine + integral.ln(), excess: excess / integral }
    }

    /// `T` a standard normal deviate, above a threshold of 0 or more: its density is `phi(threshold) exp(-threshold y - y^2 / 2)`.
    pub(super) fn of_normal(threshold: f64) -> Self {
        let reach = (REACH / threshold).min((2.0 * REACH).sqrt());
        let (integral, excess) = integrals(reach, |y| -threshold * y - y * y / 2.0, |y| y);
        let ln_density = -threshold * threshold / 2.0 - (2.0 * PI).ln() / 2.0;
        Self { ln_mass: ln_density + integral.ln(), excess: excess / integral }
    }
}

/// Integrals from 0 to `reach` of a weight given by its logarithm, and of the weight times `value`.
fn integrals(reach: f64, ln_weight: impl Fn(f64) -> f64, value: impl Fn(f64) -> f64) -> (f64, f64) {
    let half = reach / f64::from(2 * PARTS);
    let (mut mass, mut moment) = (0.0, 0.0);
    for part in 0..PARTS {
        let middle = f64::from(2 * part + 1) * half;
        for (node, weight) in RULE {
            for at in [middle - half * node, middle + half * node] {
                let term = weight * half * ln_weight(at).exp();
                mass += term;
                moment += term * value(at);
            }
        }
    }
    (mass, moment)
}

/// `ln(Gamma(x + 1/2) / Gamma(x))` for `x` of 1/2 or more.
///
/// # Source
/// The recurrence of the gamma function up to 32, and from there the difference of two Stirling series (NIST DLMF 5.11.8 at 1/2
/// and 0): `ln(x) / 2 - sum over k of (1 - 4^-k) B_2k / (k (2k - 1) x^(2k - 1))`. The first term left out is below 1e-16.
pub(super) fn ln_gamma_step(x: f64) -> f64 {
    let (mut x, mut factor) = (x, 1.0);
    while x < 32.0 {
        factor *= x / (x + 0.5);
        x += 1.0;
    }
    let square = 1.0 / (x * x);
    let series = -1.0 / 8.0 + square * (1.0 / 192.0 + square * (-1.0 / 640.0 + square * (17.0 / 14_336.0)));
    factor.ln() + x.ln() / 2.0 + series / x
}

#[cfg(test)]
mod tests;
