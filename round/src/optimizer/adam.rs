//! Adaptive moments on the server.

/// The numbers of one step.
pub(super) struct Adam {
    pub(super) learning_rate: f64,
    pub(super) beta1: f64,
    pub(super) beta2: f64,
    pub(super) epsilon: f64,
    /// Steps including this one.
    pub(super) steps: u32,
}

impl Adam {
    pub(super) fn step<'a>(
        &self,
        first: &mut [f32],
        second: &mut [f32],
        values: impl Iterator<Item = (&'a mut f32, f64)>,
    ) {
        let steps = f64::from(self.steps);
        let (correct1, correct2) = (1.0 - self.beta1.powf(steps), 1.0 - self.beta2.powf(steps));
        for (((param, average), first), second) in values.zip(first).zip(second) {
            let mean = self.beta1 * f64::from(*first) + (1.0 - self.beta1) * average;
            let square = self.beta2 * f64::from(*second) + (1.0 - self.beta2) * average * average;
            (*first, *second) = (mean as f32, square as f32);
            let direction = (mean / correct1) / ((square / correct2).sqrt() + self.epsilon);
            *param = (f64::from(*param) + self.learning_rate * direction) as f32;
        }
    }
}
