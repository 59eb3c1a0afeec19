//! Mean cross-entropy on logits: its slope for learning, its value for evaluation.

/// What a batch should teach.
pub(super) struct Lesson<'a> {
    pub(super) labels: &'a [u32],
    pub(super) learning_rate: f32,
}

impl Lesson<'_> {
    /// Replaces logits (one row per label) by the slope of the mean cross-entropy along them, times the learning rate:
    /// `(softmax - one_hot) * learning_rate / examples`. Everything behind it is linear, so the rate enters only here.
    pub(super) fn turn_into_slope(&self, logits: &mut [f32]) {
        let classes = logits.len() / self.labels.len();
        let rate = self.learning_rate / self.labels.len() as f32;
        for (row, &label) in logits.chunks_exact_mut(classes).zip(self.labels) {
            let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let mut total = 0.0;
            for value in row.iter_mut() {
                *value = (*value - top).exp();
                total += *value;
            }
            let scale = rate / total;
            for value in row.iter_mut() {
                *value *= scale;
            }
            row[label as usize] -= rate;
        }
    }
}

/// Summed cross-entropy and number of right answers of a batch; a row with a NaN is no right answer, and none is of the class `no_answer`.
pub(crate) fn score(logits: &[f32], labels: &[u32], no_answer: Option<u32>) -> (f64, usize) {
    let classes = logits.len() / labels.len().max(1);
    let (mut loss, mut right) = (0.0, 0);
    for (row, &label) in logits.chunks_exact(classes.max(1)).zip(labels) {
        let mine = row[label as usize];
        let top = f64::from(row.iter().copied().fold(f32::NEG_INFINITY, f32::max));
        let total: f64 = row.iter().map(|&value| (f64::from(value) - top).exp()).sum();
        loss += total.ln() + top - f64::from(mine);
        // Ties go to the first class, as argmax does.
        let beaten = row.iter().enumerate().all(
            |(class, &other)| {
                if class < label as usize { other < mine } else { other <= mine }
            },
        );
        right += usize::from(beaten && no_answer != Some(label));
    }
    (loss, right)
}
