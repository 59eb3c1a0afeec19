//! Local Gaussian noise: its price, its amount, and that a wrong claim is refused.

use murmur_privacy::{
    Delta, Grid, NoiseRng, Plain, Relation, Seal as _,
    accountant::{Accountant as _, ExactGaussian},
    event::DpEvent,
    local::{LocalError, LocalGaussian, LocalRandomiser as _, Sampling},
    units::{DeltaProbability, Scale},
};

use crate::{clip, epsilon};

fn delta(value: f64) -> DeltaProbability {
    DeltaProbability::new(value).unwrap()
}

fn scale(value: f64) -> Scale {
    Scale::new(value).unwrap()
}

#[test]
fn the_noise_is_the_least_that_replacing_an_update_needs() {
    for (loss, c, dimension) in [(0.5, 1.0, 10), (4.0, 0.3, 7_850), (16.0, 100.0, 3)] {
        let made = LocalGaussian::new(epsilon(loss), delta(1e-6), clip(c), dimension).unwrap();
        let spent = made.guarantee().epsilon().get();
        assert!(spent <= loss && spent > loss * 0.99, "{spent} {loss}");
        assert_eq!((made.guarantee().delta(), made.guarantee().sampling()), (1e-6, Sampling::Exact));
        // Apart from the grid: the same noise on a clip, replaced.
        let event = DpEvent::gaussian(scale(made.sigma()), scale(c), Relation::ReplaceOne);
        let price = ExactGaussian.epsilon(&event, delta(1e-6)).unwrap().get();
        assert!((price / spent - 1.0).abs() < 0.01, "{price} {spent}");
        let DpEvent::Gaussian { relation, .. } = made.event() else { panic!("{:?}", made.event()) };
        assert_eq!(relation, Relation::ReplaceOne);
    }
}

#[test]
fn the_noise_that_is_sent_has_the_stated_deviation_and_stays_in_bounds() {
    let dimension = 40_000;
    let made = LocalGaussian::new(epsilon(2.0), delta(1e-6), clip(1.0), dimension).unwrap();
    let mut rng = NoiseRng::seeded(4_401);
    let grid = |bound: f64, sigma| Grid::fit(clip(bound), dimension).unwrap().with_ring_for(1, sigma).unwrap();
    let bound = made.output_bound();
    for update in [vec![0.0_f32; dimension], vec![f32::NAN; dimension], vec![1e30; dimension]] {
        let sent = made.randomise(&Delta::new(update), &mut rng);
        assert!(sent.is_within(bound.norm) && !sent.is_within(bound.norm * 0.9));
        // Nothing of it is lost on the grid that its bound gives: the pipeline goes on as for any update.
        Plain.seal(grid(bound.norm, 0).encode(&sent));
        // The squared norm is within five standard errors of the noise's, give or take the clip.
        let expected = made.sigma() * (dimension as f64).sqrt();
        let error = 5.0 * made.sigma() / 2.0_f64.sqrt();
        assert!(sent.is_within(expected + 1.0 + error) && !sent.is_within(expected - 1.0 - error));
        assert!(!sent.is_within(0.0), "never zero");
    }
    assert!((made.squared_error() / (dimension as f64 * made.sigma() * made.sigma()) - 1.0).abs() < 0.02);
}

#[test]
fn a_claim_that_the_noise_does_not_keep_is_refused_with_its_price() {
    let with =
        |sigma: f64, claim: f64| LocalGaussian::with_noise(scale(sigma), epsilon(claim), delta(1e-6), clip(1.0), 100);
    let honest = LocalGaussian::new(epsilon(4.0), delta(1e-6), clip(1.0), 100).unwrap();
    assert_eq!(with(honest.sigma(), 4.0).unwrap().guarantee(), honest.guarantee());
    // A sensitivity of one clip in the place of two.
    let refused = with(honest.sigma() / 2.0, 4.0).unwrap_err();
    let LocalError::Understated { claimed, price, .. } = refused else { panic!("{refused}") };
    assert!(claimed.get() == 4.0 && price.get() > 8.0, "{refused}");
    assert!(matches!(
        LocalGaussian::new(epsilon(f64::INFINITY), delta(1e-6), clip(1.0), 100),
        Err(LocalError::Epsilon { .. })
    ));
    assert!(matches!(with(1e30, 4.0), Err(LocalError::Sigma(_))));
}
