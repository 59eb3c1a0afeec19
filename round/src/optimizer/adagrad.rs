//! Adagrad on the server: a second moment that only grows.

/// The numbers of one step.
pub(super) struct Adagrad {
    pub(super) learning_rate: f64,
    pub(super) beta1: f64,
    pub(super) tau: f64,
}

impl Adagrad {
    pub(super) fn step<'a>(
        &self,
        first: &mut [f32],
        second: &mut [f32],
        values: impl Iterator<Item = (&'a mut f32, f64)>,
    ) {
        for (((param, average), first), second) in values.zip(first).zip(second) {
            let mean = self.beta1 * f64::from(*first) + (1.0 - self.beta1) * average;
            let next = f64::from(*second) + average * average;
            (*first, *second) = (mean as f32, next as f32);
            *param = (f64::from(*param) + self.learning_rate * mean / (next.sqrt() + self.tau)) as f32;
        }
    }
}
