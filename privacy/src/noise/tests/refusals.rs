//! No scale that a sampler cannot draw comes near one.

use super::*;
use crate::{Mechanism, grid::Grid, ring::RingVector};

#[test]
fn a_scale_of_zero_or_beyond_the_limit_is_refused_by_name() {
    fn refused(made: Result<impl std::fmt::Debug, ScaleOutOfRange>, law: &str, scale: u64, limit: u64) {
        let text = made.unwrap_err().to_string();
        assert_eq!(text, format!("no {law} of scale {scale} steps can be drawn: choose a scale of 1 to {limit}"));
    }
    for scale in [0, RoundedGaussian::LIMIT + 1, u64::MAX] {
        refused(RoundedGaussian::new(scale), "rounded Gaussian", scale, 1 << 44);
    }
    for scale in [0, (1 << 32) + 1, u64::MAX] {
        refused(DiscreteGaussian::new(scale), "discrete Gaussian", scale, 1 << 32);
        refused(DiscreteLaplace::new(scale), "discrete Laplace", scale, 1 << 32);
        refused(Skellam::new(scale), "Skellam law", scale, 1 << 32);
    }
}

#[test]
fn the_limits_themselves_are_drawn() {
    let wide = |samples: &[i64], limit: u64| samples.iter().all(|x| x.unsigned_abs() < 100 * limit && *x != 0);
    assert!(wide(&samples(&RoundedGaussian::new(1 << 44).unwrap(), 100, 1), 1 << 44));
    assert!(wide(&samples(&DiscreteGaussian::new(1 << 32).unwrap(), 100, 1), 1 << 32));
    assert!(wide(&samples(&DiscreteLaplace::new(1 << 32).unwrap(), 100, 1), 1 << 32));
    assert!(wide(&samples(&Skellam::new(1 << 32).unwrap(), 100, 1), 1 << 32));
}

/// Written out by hand; its event promises nothing either.
#[cfg(feature = "seeded")]
#[test]
fn a_mechanism_beyond_the_sampler_adds_what_can_be_drawn_and_promises_nothing() {
    let grid = Grid::new(10, 64, 1 << 14, 10, 1, 1).unwrap();
    for sigma in [0, (1 << 44) + 1, u64::MAX] {
        let mechanism = Mechanism::Gaussian { sigma };
        let mut sum = RingVector::zero(grid);
        mechanism.perturb(&mut sum, &mut NoiseRng::seeded(1), std::num::NonZeroUsize::MIN);
        assert_eq!(sum == RingVector::zero(grid), sigma == 0);
        assert_eq!(mechanism.event(&grid), crate::DpEvent::NonPrivate);
    }
}

#[test]
fn nothing_about_a_sampler_but_its_law_and_scale_is_printed() {
    assert_eq!(format!("{:?}", RoundedGaussian::new(5).unwrap()), "RoundedGaussian { sigma: 5, .. }");
    assert_eq!(format!("{:?}", DiscreteGaussian::new(5).unwrap()), "DiscreteGaussian { sigma: 5, .. }");
    assert_eq!(format!("{:?}", DiscreteLaplace::new(5).unwrap()), "DiscreteLaplace { scale: 5, .. }");
    assert_eq!(format!("{:?}", Skellam::new(5).unwrap()), "Skellam { sigma: 5, .. }");
}
