//! Sums of floats without rounding: what a budget is checked by.

/// An exact sum of finite floats, as floats that do not overlap, the smallest first (Shewchuk 1997, Grow-Expansion).
#[derive(Clone, Debug, Default)]
pub(crate) struct ExactSum {
    parts: Vec<f64>,
}

impl ExactSum {
    pub(crate) fn add(&mut self, value: f64) {
        let mut carried = value;
        let mut kept = Vec::with_capacity(self.parts.len() + 1);
        for part in &self.parts {
            let (large, small) = if carried.abs() < part.abs() { (*part, carried) } else { (carried, *part) };
            carried = large + small;
            let lost = small - (carried - large);
            if lost != 0.0 {
                kept.push(lost);
            }
        }
        if carried != 0.0 {
            kept.push(carried);
        }
        self.parts = kept;
    }

    /// Whether the sum is at most `limit`, exactly.
    pub(crate) fn at_most(&self, limit: f64) -> bool {
        let mut difference = self.clone();
        difference.add(-limit);
        // The last part is larger than all others together: its sign is the sum's.
        difference.parts.last().is_none_or(|largest| *largest <= 0.0)
    }

    /// The smallest float at or above the sum.
    pub(crate) fn rounded_up(&self) -> f64 {
        // Within a unit or two in the last place of the sum.
        let mut candidate: f64 = self.parts.iter().rev().sum();
        while !self.at_most(candidate) {
            candidate = candidate.next_up();
        }
        while self.at_most(candidate.next_down()) {
            candidate = candidate.next_down();
        }
        candidate
    }
}

impl FromIterator<f64> for ExactSum {
    fn from_iter<I: IntoIterator<Item = f64>>(values: I) -> Self {
        let mut sum = Self::default();
        values.into_iter().for_each(|value| sum.add(value));
        sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(values: &[f64]) -> ExactSum {
        values.iter().copied().collect()
    }

    #[test]
    fn sums_are_exact_and_round_up() {
        assert_eq!(sum(&[]).rounded_up(), 0.0);
        assert_eq!(sum(&[2.5e-6; 4]).rounded_up(), 1e-5);
        assert!(sum(&[2.5e-6; 4]).at_most(1e-5) && !sum(&[2.5e-6; 4]).at_most(1e-5_f64.next_down()));
        // 1 + 2^-60 is above 1 and below the next float.
        let tiny = 2_f64.powi(-60);
        assert!(!sum(&[1.0, tiny]).at_most(1.0) && !sum(&[tiny, 1.0]).at_most(1.0));
        assert_eq!(sum(&[tiny, 1.0]).rounded_up(), 1.0_f64.next_up());
        assert_eq!(sum(&[tiny, 1.0, -tiny]).rounded_up(), 1.0);
        assert_eq!(sum(&[1.0, -tiny]).rounded_up(), 1.0);
        assert!(sum(&[1e300, 1.0, -1e300]).at_most(1.0) && !sum(&[1e300, 1.0, -1e300]).at_most(0.9));
        // Ten floats nearest to 0.1 are more than one, three nearest to 0.1 more than the one nearest to 0.3.
        assert!(!sum(&[0.1; 10]).at_most(1.0) && !sum(&[0.1; 3]).at_most(0.3));
        assert!(!sum(&[f64::from_bits(1), 1.0]).at_most(1.0), "the smallest float counts");
    }
}
