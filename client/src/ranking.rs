//! How high the right answer stands among all answers: the quality of suggestions.

/// Suggestions that are shown at once.
pub const SHOWN: usize = 3;

/// Where right answers stood.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ranking {
    examples: usize,
    shown: usize,
    reciprocal: f64,
}

impl Ranking {
    /// Takes in rows of logits and the class of each. A class that stands level with others stands behind them; `no_answer` stands
    /// nowhere, neither as an answer nor as what is asked for.
    pub(crate) fn take_in(&mut self, logits: &[f32], labels: &[u32], no_answer: Option<u32>) {
        let classes = (logits.len() / labels.len().max(1)).max(1);
        for (row, &label) in logits.chunks_exact(classes).zip(labels) {
            self.examples += 1;
            let own = row.get(label as usize).copied().filter(|logit| logit.is_finite());
            let Some(own) = own.filter(|_| no_answer != Some(label)) else { continue };
            let ahead = |(class, logit): &(usize, &f32)| {
                *class != label as usize && no_answer != Some(*class as u32) && (**logit >= own || logit.is_nan())
            };
            let rank = 1 + row.iter().enumerate().filter(ahead).count();
            self.shown += usize::from(rank <= SHOWN);
            self.reciprocal += 1.0 / rank as f64;
        }
    }

    /// Part of the examples whose answer is among the first [`SHOWN`].
    #[must_use]
    pub fn among_shown(&self) -> f64 {
        self.shown as f64 / self.examples.max(1) as f64
    }

    /// Mean over examples of one over the rank of the right answer (Voorhees 1999): 1 is perfect.
    #[must_use]
    pub fn mean_reciprocal_rank(&self) -> f64 {
        self.reciprocal / self.examples.max(1) as f64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_are_counted_from_one_and_ties_are_lost() {
        let mut ranking = Ranking::default();
        // First, second, fourth of four.
        ranking.take_in(&[4., 3., 2., 1.].repeat(3), &[0, 1, 3], None);
        assert!((ranking.mean_reciprocal_rank() - (1.0 + 0.5 + 0.25) / 3.0).abs() < 1e-12);
        assert!((ranking.among_shown() - 2.0 / 3.0).abs() < 1e-12);
        // All the same: last. No number: nowhere. What is no answer is not ahead of anybody.
        let mut ranking = Ranking::default();
        ranking.take_in(&[0.0; 4], &[2], None);
        assert_eq!((ranking.among_shown(), ranking.mean_reciprocal_rank()), (0.0, 0.25));
        ranking.take_in(&[f32::NAN; 4], &[2], None);
        assert_eq!(ranking.mean_reciprocal_rank(), 0.125);
        let mut ranking = Ranking::default();
        ranking.take_in(&[1.0, 0.0, 9.0, 9.0, 9.0, 9.0], &[0, 2], Some(2));
        assert_eq!((ranking.among_shown(), ranking.mean_reciprocal_rank()), (0.5, 0.5));
        assert_eq!(Ranking::default().mean_reciprocal_rank(), 0.0);
    }
}
