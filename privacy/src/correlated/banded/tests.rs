//! Are the coefficients chosen lawful, and good?

use super::*;

fn limits(participations: u32, separation: u32) -> Limits {
    let [participations, separation] = [participations, separation].map(|n| NonZeroU32::new(n).unwrap());
    Limits { participations, separation }
}

fn loss_of(coefficients: &[f64], rounds: u32, limits: Limits) -> f64 {
    toeplitz::loss(coefficients, &inverse(coefficients, rounds as usize), rounds, limits).sqrt()
}

/// The first coefficients of the square root of the matrix of ones.
fn square_root(bands: u32) -> Vec<f64> {
    let mut coefficients = vec![1.0];
    for t in 1..bands {
        coefficients.push(coefficients[t as usize - 1] * f64::from(2 * t - 1) / f64::from(2 * t));
    }
    coefficients
}

#[test]
fn optimised_bands_beat_the_truncated_square_root_and_come_near_the_best() {
    // The best banded Toeplitz matrices, all coefficients free (scipy 1.17.1, L-BFGS-B; docs/measurements.md).
    for (rounds, separation, bands, best) in [
        (64, 16, 2, 8.403_518),
        (64, 16, 4, 6.481_187),
        (64, 16, 16, 4.700_109),
        (512, 64, 4, 23.428_188),
        (512, 64, 8, 17.397_846),
        (512, 64, 16, 13.425_915),
        (2048, 128, 16, 34.507_802),
    ] {
        let limits = limits(rounds / separation, separation);
        let chosen = Banded::new(rounds, bands, limits).unwrap();
        let found = loss_of(&chosen.values(), rounds, limits);
        let truncated = loss_of(&square_root(bands), rounds, limits);
        assert!(found < truncated, "{rounds} {bands}: {found}, truncated {truncated}");
        assert!(found > best * (1.0 - 1e-4), "{rounds} {bands}: {found} is below the best of {best}");
        assert!(found < best * 1.001, "{rounds} {bands}: {found}, the best is {best}");
    }
}

#[test]
fn coefficients_fall_from_one_and_are_the_same_every_time() {
    for bands in [1, 2, 7, 64] {
        let limits = limits(4, 64);
        let chosen = Banded::new(256, bands, limits).unwrap();
        assert_eq!(chosen.coefficients().len(), bands as usize);
        assert_eq!(chosen.coefficients()[0], ONE);
        assert!(chosen.coefficients().is_sorted_by(|one, next| one >= next));
        assert_eq!(Banded::new(256, bands, limits).unwrap(), chosen);
        let written = serde_json::to_string(&chosen).unwrap();
        assert_eq!(serde_json::from_str::<Banded>(&written).unwrap(), chosen);
    }
}

#[test]
fn numbers_that_do_not_fit_are_refused_by_name() {
    let refused = |rounds, bands, limits| Banded::new(rounds, bands, limits).unwrap_err().to_string();
    assert!(refused(0, 1, limits(1, 1)).contains("rounds"));
    assert!(refused(ROUNDS_LIMIT + 1, 1, limits(1, 1)).contains("rounds"));
    assert!(refused(10, 0, limits(1, 1)).contains("bands"));
    assert!(refused(10_000, BANDS_LIMIT + 1, limits(1, 1)).contains("bands"));
    assert!(refused(4, 5, limits(1, 1)).contains("5 bands do not fit into a block of 4"));
    assert!(refused(10, 1, limits(1, 11)).contains("separation of 11"));
    assert!(refused(10, 5, limits(2, 4)).contains("5 bands need a separation of at least 5 rounds, not 4"));
    assert!(Banded::new(10, 5, limits(1, 4)).is_ok(), "one round of a device overlaps with nothing");
    for coefficients in [vec![], vec![1], vec![ONE + 1], vec![ONE, 5, 6]] {
        assert!(Banded::with_coefficients(10, limits(1, 4), coefficients).is_err());
    }
    assert!(
        serde_json::from_str::<Banded>(
            r#"{"rounds":4,"limits":{"participations":1,"separation":1},"coefficients":[7]}"#
        )
        .is_err()
    );
}
