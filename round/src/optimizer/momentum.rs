//! Federated averaging with server momentum.

/// `velocity = momentum * velocity + average; param += learning_rate * velocity`.
pub(super) fn step<'a>(
    learning_rate: f64,
    momentum: f64,
    velocity: &mut [f32],
    values: impl Iterator<Item = (&'a mut f32, f64)>,
) {
    for ((param, average), velocity) in values.zip(velocity) {
        let next = momentum * f64::from(*velocity) + average;
        *velocity = next as f32;
        *param = (f64::from(*param) + learning_rate * next) as f32;
    }
}
