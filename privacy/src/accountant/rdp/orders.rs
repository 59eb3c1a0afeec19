//! The orders at which divergences are evaluated.

use std::sync::{Arc, LazyLock};

/// The orders that published accountants evaluate by default: 1.1 to 10.9 by 0.1, 11 to 63, 128, 256, 512, 1024.
pub static STANDARD_ORDERS: LazyLock<Vec<f64>> = LazyLock::new(|| {
    let tenths = (11..110).map(|tenth| f64::from(tenth) / 10.0);
    tenths.chain((11..64).map(f64::from)).chain([128.0, 256.0, 512.0, 1024.0]).collect()
});

/// A superset of the standard orders: closer to 1 for large losses, denser above 63 for small ones.
pub(super) static FINE_ORDERS: LazyLock<Arc<[f64]>> = LazyLock::new(|| {
    let near_one = [1.02, 1.04, 1.06, 1.08].into_iter();
    let twentieths = (22..240).map(|twentieth| f64::from(twentieth) / 20.0);
    let integers = (12..64).chain((64..128).step_by(4)).chain((128..256).step_by(16));
    let sparse = [256, 320, 384, 448, 512, 640, 768, 896, 1024, 1536, 2048].into_iter();
    near_one.chain(twentieths).chain(integers.chain(sparse).map(f64::from)).collect()
});
