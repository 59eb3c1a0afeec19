//! Sums of exponentials, in logarithms.

/// Share by which sums are enlarged to cover their float error.
pub(super) const SLACK: f64 = 1.0 + 1.0 / (1_u64 << 36) as f64;

/// `ln(1 + e^x)` without overflow or loss, with the slack on `e^x`.
pub(super) fn ln_one_plus_exp(x: f64) -> f64 {
    let x = x + SLACK.ln();
    if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() }
}

/// `ln(e^x - 1)` for positive `x`.
pub(super) fn ln_exp_m1(x: f64) -> f64 {
    if x > 1.0 { x + (-(-x).exp()).ln_1p() } else { x.exp_m1().ln() }
}

/// Running `ln(sum of exp)`.
pub(super) struct LogSum {
    largest: f64,
    scaled: f64,
}

impl Default for LogSum {
    fn default() -> Self {
        Self { largest: f64::NEG_INFINITY, scaled: 0.0 }
    }
}

impl LogSum {
    pub(super) fn add(&mut self, ln_term: f64) {
        if self.largest == f64::INFINITY || ln_term == f64::NEG_INFINITY {
            // Nothing changes an infinite sum, and zero changes none (and infinity minus infinity would be NaN).
        } else if ln_term <= self.largest {
            self.scaled += (ln_term - self.largest).exp();
        } else if ln_term > f64::NEG_INFINITY {
            self.scaled = self.scaled * (self.largest - ln_term).exp() + 1.0;
            self.largest = ln_term;
        }
    }

    pub(super) fn ln(&self) -> f64 {
        if self.scaled == 0.0 { f64::NEG_INFINITY } else { self.largest + self.scaled.ln() }
    }
}
