//! Yogi on the server: a second moment that moves by a bounded step, whichever way it moves.

/// The numbers of one step.
pub(super) struct Yogi {
    pub(super) learning_rate: f64,
    pub(super) beta1: f64,
    pub(super) beta2: f64,
    pub(super) tau: f64,
}

impl Yogi {
    pub(super) fn step<'a>(
        &self,
        first: &mut [f32],
        second: &mut [f32],
        values: impl Iterator<Item = (&'a mut f32, f64)>,
    ) {
        for (((param, average), first), second) in values.zip(first).zip(second) {
            let mean = self.beta1 * f64::from(*first) + (1.0 - self.beta1) * average;
            let (before, square) = (f64::from(*second), average * average);
            let towards = if before > square {
                1.0
            } else if before < square {
                -1.0
            } else {
                0.0
            };
            let next = before - (1.0 - self.beta2) * square * towards;
            (*first, *second) = (mean as f32, next as f32);
            *param = (f64::from(*param) + self.learning_rate * mean / (next.sqrt() + self.tau)) as f32;
        }
    }
}
