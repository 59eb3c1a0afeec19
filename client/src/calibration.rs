//! Whether a model is right as often as it says: expected calibration error.

/// Stretches of equal width that probabilities from 0 to 1 fall into.
const BINS: usize = 15;

/// How sure a model was of its answers, and how often they were right.
///
/// # Source
/// Guo, Pleiss, Sun and Weinberger 2017, "On Calibration of Modern Neural Networks", eq. 3, with 15 bins as there.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Calibration {
    bins: [Bin; BINS],
}

/// Answers given with about the same probability.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Bin {
    /// How many.
    pub examples: usize,
    /// How many of them were right.
    pub right: usize,
    /// Sum of their probabilities.
    pub confidence: f64,
}

impl Calibration {
    /// Takes in rows of logits and the class of each; none is right that is of the class `no_answer`.
    pub(crate) fn take_in(&mut self, logits: &[f32], labels: &[u32], no_answer: Option<u32>) {
        let classes = (logits.len() / labels.len().max(1)).max(1);
        for (row, &label) in logits.chunks_exact(classes).zip(labels) {
            let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let total: f64 = row.iter().map(|&value| f64::from(value - top).exp()).sum();
            // What is no number says nothing, and is sure of nothing.
            let confidence = if total.is_finite() { 1.0 / total } else { 0.0 };
            let answer = row.iter().position(|&value| value == top).map(|class| class as u32);
            let right = total.is_finite() && answer == Some(label) && no_answer != answer;
            let bin = ((confidence * BINS as f64) as usize).min(BINS - 1);
            let bin = &mut self.bins[bin];
            bin.examples += 1;
            bin.right += usize::from(right);
            bin.confidence += confidence;
        }
    }

    /// Mean distance between probability and accuracy over all answers, bin by bin: 0 is perfect, 1 the worst.
    #[must_use]
    pub fn error(&self) -> f64 {
        let examples: usize = self.bins.iter().map(|bin| bin.examples).sum();
        let distances = self.bins.iter().map(|bin| (bin.right as f64 - bin.confidence).abs());
        distances.sum::<f64>() / examples.max(1) as f64
    }

    /// The bins, from the least sure to the surest.
    #[must_use]
    pub fn bins(&self) -> &[Bin] {
        &self.bins
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_error_is_that_of_the_definition() {
        let mut calibration = Calibration::default();
        // Sure to 3/4 each time, right in one case of two.
        let logits = [3.0_f32.ln(), 0.0].repeat(2);
        calibration.take_in(&logits, &[0, 1], None);
        assert!((calibration.error() - 0.25).abs() < 1e-6, "{calibration:?}");
        // As sure as anybody can be, and right: half of the weight now lies where nothing is wrong.
        calibration.take_in(&[100.0, 0.0].repeat(2), &[0, 0], None);
        assert!((calibration.error() - 0.125).abs() < 1e-6, "{calibration:?}");
        assert_eq!(calibration.bins().iter().map(|bin| bin.examples).sum::<usize>(), 4);
        assert_eq!((calibration.bins()[14].examples, calibration.bins()[14].right), (2, 2));
        // Something that is no answer, and no number at all.
        calibration.take_in(&[0.0, 100.0, f32::NAN, 0.0], &[1, 0], Some(1));
        assert_eq!(calibration.bins()[0].examples, 1);
        assert_eq!((calibration.bins()[14].examples, calibration.bins()[14].right), (3, 2));
        assert_eq!(Calibration::default().error(), 0.0);
    }
}
