//! The continuous part of the Laplace mechanism's privacy loss: between the two centres.

use super::density::Density;

/// Laplace noise of scale 1 around 0 (`Q`) and `shift` (`P`), between the two; `P` mixed into `Q` with weight `rate`.
#[derive(Clone, Copy, Debug)]
pub(super) struct LaplaceSegment {
    pub(super) shift: f64,
    pub(super) rate: f64,
    pub(super) reversed: bool,
}

impl LaplaceSegment {
    fn ln_ratio(&self, x: f64) -> f64 {
        (self.rate * (2.0 * x - self.shift).exp_m1()).ln_1p()
    }

    fn inverse(&self, value: f64) -> f64 {
        let ratio = value.exp_m1() / self.rate;
        if ratio <= -1.0 { f64::NEG_INFINITY } else { (ratio.ln_1p() + self.shift) / 2.0 }
    }
}

impl Density for LaplaceSegment {
    fn range(&self) -> (f64, f64) {
        if self.reversed { (-self.shift, 0.0) } else { (0.0, self.shift) }
    }

    fn centre(&self) -> f64 {
        if self.reversed { -self.shift / 2.0 } else { self.shift / 2.0 }
    }

    fn loss(&self, x: f64) -> f64 {
        if self.reversed { -self.ln_ratio(-x) } else { self.ln_ratio(x) }
    }

    fn position(&self, loss: f64) -> f64 {
        if self.reversed { -self.inverse(-loss) } else { self.inverse(loss) }
    }

    fn mass_per_unit(&self, x: f64, loss: f64) -> f64 {
        if self.reversed { x.exp() / 2.0 } else { (loss - x).exp() / 2.0 }
    }

    fn roughness(&self, _: f64) -> f64 {
        4.0
    }

    fn outside(&self) -> f64 {
        0.0
    }
}
