//! What `(epsilon, delta)` means for somebody who has to guess, from everything released, whether a device took part.

use crate::units::{DeltaProbability, Epsilon, OutOfRange};

/// The trade-off curve of an `(epsilon, delta)` guarantee: how well two neighbouring worlds can be told apart at best.
///
/// # Guarantee
/// Every test of "the device contributed nothing" against "it contributed" that looks at anything released under the guarantee has
/// at least the error probabilities named here, whatever else its author knows. All numbers are exact for the worst mechanism that
/// meets the guarantee, up to float rounding; a mechanism that runs may be harder to attack.
///
/// # Source
/// Wasserman and Zhou 2010, Theorem 2.4, and Kairouz, Oh and Viswanath 2015, Theorem 2.1: the region of errors; Dong, Roth and Su 2022,
/// Proposition 2.5: the curve that bounds it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TradeOff {
    epsilon: Epsilon,
    delta: Option<DeltaProbability>,
}

impl TradeOff {
    /// The curve of a guarantee; without `delta` it is pure.
    #[must_use]
    pub fn new(epsilon: Epsilon, delta: Option<DeltaProbability>) -> Self {
        Self { epsilon, delta }
    }

    fn delta(self) -> f64 {
        self.delta.map_or(0.0, DeltaProbability::get)
    }

    /// `beta(alpha) = max(0, 1 - delta - e^eps alpha, e^-eps (1 - delta - alpha))`: the least probability of missing a device that
    /// took part, for a test that accuses one that did not with probability `alpha`.
    ///
    /// # Errors
    /// [`OutOfRange`] unless `alpha` is a probability.
    pub fn least_missed(self, alpha: f64) -> Result<f64, OutOfRange> {
        probability("the rate of false alarms", alpha)?;
        let (epsilon, left) = (self.epsilon.get(), 1.0 - self.delta());
        // An infinite epsilon times nothing is nothing.
        let steep = if alpha == 0.0 { left } else { left - epsilon.exp() * alpha };
        Ok(steep.max((-epsilon).exp() * (left - alpha)).max(0.0))
    }

    /// The most that `1 - alpha - beta(alpha)` comes to: detections less false alarms of the best test, `(e^eps - 1 + 2 delta) / (e^eps + 1)`,
    /// which is the total variation distance. Zero is a guess, one is certainty.
    ///
    /// # Source
    /// Kairouz, Oh and Viswanath 2015, Remark 2.2; as the advantage in the membership game: Humphries and others 2023, Theorem 1.
    #[must_use]
    pub fn advantage(self) -> f64 {
        let half = self.epsilon.get() / 2.0;
        // (e^eps - 1) / (e^eps + 1) = tanh(eps / 2), and 2 / (e^eps + 1) = 1 - tanh(eps / 2).
        let tanh = half.tanh();
        (tanh + self.delta() * (1.0 - tanh)).min(1.0)
    }

    /// How often an adversary is right at most who is asked about a device that took part with probability one half: `(1 + advantage) / 2`.
    #[must_use]
    pub fn most_right(self) -> f64 {
        0.5 + self.advantage() / 2.0
    }

    /// What somebody who thought with probability `prior` that the device took part thinks afterwards, at most; and the probability
    /// of results after which that need not hold.
    ///
    /// # Guarantee
    /// Without delta the odds grow by `e^eps` at most, after every result. With it they grow by `2 e^eps` at most, except after results of
    /// probability at most `2 delta` together: let `S` be the results after which the density ratio exceeds `e^t`; then
    /// `P(S) <= e^eps Q(S) + delta` and `Q(S) < e^-t P(S)`, so `P(S) <= delta / (1 - e^(eps - t))`, here with `t = eps + ln 2`.
    ///
    /// # Source
    /// Kasiviswanathan and Smith 2014, Section 3, for the reading as posterior odds; the bound with delta is derived here.
    ///
    /// # Errors
    /// [`OutOfRange`] unless `prior` is a probability.
    pub fn posterior(self, prior: f64) -> Result<Posterior, OutOfRange> {
        probability("the prior", prior)?;
        let (stretch, except) = match self.delta {
            None => (1.0, 0.0),
            Some(delta) => (2.0, (2.0 * delta.get()).min(1.0)),
        };
        let inverse = (-self.epsilon.get()).exp() / stretch;
        let most = if prior == 0.0 { 0.0 } else { prior / (prior + (1.0 - prior) * inverse) };
        Ok(Posterior { prior, most, except })
    }
}

/// A belief, before and after.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
#[non_exhaustive]
pub struct Posterior {
    /// Probability before anything was released.
    pub prior: f64,
    /// Probability afterwards at most.
    pub most: f64,
    /// Probability of results after which more may be known.
    pub except: f64,
}

fn probability(quantity: &'static str, value: f64) -> Result<(), OutOfRange> {
    if (0.0..=1.0).contains(&value) { Ok(()) } else { Err(OutOfRange { quantity, range: "from 0 to 1", value }) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn curve(epsilon: f64, delta: f64) -> TradeOff {
        TradeOff::new(Epsilon::new(epsilon).unwrap(), DeltaProbability::new(delta).ok())
    }

    #[test]
    fn the_ends_are_perfect_privacy_and_none() {
        for alpha in [0.0, 0.01, 0.5, 1.0] {
            assert_eq!(curve(0.0, 0.0).least_missed(alpha).unwrap(), 1.0 - alpha);
            assert_eq!(curve(f64::INFINITY, 0.0).least_missed(alpha).unwrap(), if alpha == 0.0 { 1.0 } else { 0.0 });
        }
        assert_eq!((curve(0.0, 0.0).advantage(), curve(f64::INFINITY, 0.0).advantage()), (0.0, 1.0));
        assert_eq!(curve(0.0, 0.0).posterior(0.3).unwrap().most, 0.3);
        assert_eq!(curve(f64::INFINITY, 0.0).posterior(0.3).unwrap().most, 1.0);
        assert!(curve(1.0, 0.0).least_missed(1.5).is_err() && curve(1.0, 0.0).posterior(f64::NAN).is_err());
    }

    /// Randomised response with an added chance of telling the truth outright meets the guarantee with equality: its own errors are the curve's corner.
    #[test]
    fn the_worst_mechanism_attains_the_curve_and_the_advantage() {
        for (epsilon, delta) in [(0.1, 1e-5), (1.0, 1e-3), (3.0, 0.2), (2.0, 0.0)] {
            let curve = curve(epsilon, delta);
            // With probability delta the world is named, else it is told truly with odds e^epsilon. The best test believes what it hears.
            let lie = (1.0 - delta) / (1.0 + f64::exp(epsilon));
            assert!((curve.least_missed(lie).unwrap() - lie).abs() < 1e-12, "{epsilon} {delta}");
            assert!((curve.advantage() - (1.0 - 2.0 * lie)).abs() < 1e-12);
            // No point of the curve does better.
            let best = (0..=10_000).map(|step| f64::from(step) / 1e4);
            let best = best.map(|alpha| 1.0 - alpha - curve.least_missed(alpha).unwrap()).fold(0.0, f64::max);
            assert!(best <= curve.advantage() + 1e-12 && best > curve.advantage() - 1e-3, "{best}");
        }
    }

    #[test]
    fn a_gaussian_stays_within_the_posterior_that_its_epsilon_promises() {
        // Shift 1, sigma 1.2: the privacy loss at x is (x - 1/2) / sigma^2; its own epsilon at this delta is below 3.4 (analytic Gaussian).
        let (sigma, delta, epsilon) = (1.2_f64, 1e-4, 3.4_f64);
        let promised = curve(epsilon, delta).posterior(0.5).unwrap();
        // Results beyond this ratio of densities raise the belief above the bound: how likely are they when the device takes part?
        let threshold = sigma * sigma * (epsilon + 2.0_f64.ln()) + 0.5;
        let beyond = libm::erfc((threshold - 1.0) / sigma / std::f64::consts::SQRT_2) / 2.0;
        assert!(beyond <= promised.except, "{beyond} against {}", promised.except);
        let odds = promised.most / (1.0 - promised.most);
        assert!((odds - 2.0 * epsilon.exp()).abs() < 1e-9, "{odds}");
    }
}
