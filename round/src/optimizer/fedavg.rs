//! Federated averaging.

/// `param += learning_rate * average`.
pub(super) fn step<'a>(learning_rate: f64, values: impl Iterator<Item = (&'a mut f32, f64)>) {
    for (param, average) in values {
        *param = (f64::from(*param) + learning_rate * average) as f32;
    }
}
