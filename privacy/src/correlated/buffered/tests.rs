//! Are the buffers chosen lawful, and good?

use super::*;

fn limits(participations: u32, separation: u32) -> Limits {
    let [participations, separation] = [participations, separation].map(|n| NonZeroU32::new(n).unwrap());
    Limits { participations, separation }
}

fn loss_of(chosen: &Buffered) -> f64 {
    let rounds = chosen.rounds.get();
    toeplitz::loss(&coefficients(&chosen.pairs(), rounds), &chosen.inverse(), rounds, chosen.limits).sqrt()
}

#[test]
fn optimised_buffers_come_near_the_best_and_more_of_them_nearer() {
    // scipy 1.17.1, Nelder-Mead with four restarts (docs/measurements.md).
    for (rounds, participations, separation, best) in [
        (64, 4, 16, [4.916_838, 4.916_838, 4.916_581]),
        (512, 8, 64, [9.958_033, 9.840_248, 9.840_248]),
        (2048, 16, 128, [18.547_128, 18.100_560, 18.100_560]),
        (2048, 1, 2048, [3.863_300, 3.326_752, 3.281_311]),
    ] {
        for (buffers, best) in (1..).zip(best) {
            let chosen = Buffered::new(rounds, buffers, limits(participations, separation)).unwrap();
            let found = loss_of(&chosen);
            assert!(found > best * (1.0 - 1e-4), "{rounds} {buffers}: {found} is below the best of {best}");
            assert!(found < best * 1.002, "{rounds} {buffers}: {found}, the best is {best}; {chosen:?}");
        }
    }
}

#[test]
fn buffers_are_lawful_and_the_same_every_time() {
    for (rounds, buffers) in [(1, 1), (1, 4), (2, 3), (50, 2), (300, 8)] {
        let limits = limits(1, 1);
        let chosen = Buffered::new(rounds, buffers, limits).unwrap();
        assert_eq!(chosen.buffers().len(), buffers as usize);
        assert!(chosen.buffers().iter().map(|buffer| buffer.weight).sum::<u32>() <= ONE);
        assert_eq!(Buffered::new(rounds, buffers, limits).unwrap(), chosen);
        let written = serde_json::to_string(&chosen).unwrap();
        assert_eq!(serde_json::from_str::<Buffered>(&written).unwrap(), chosen);
    }
}

#[test]
fn the_recursion_inverts_the_matrix() {
    let pairs = [(0.75, 0.25), (0.5, 0.5)];
    let (coefficients, inverse) = (coefficients(&pairs, 30), inverse(&pairs, 30));
    let direct = toeplitz::inverse(&coefficients, 30);
    assert!(inverse.iter().zip(direct).all(|(one, other)| (one - other).abs() < 1e-13));
}

#[test]
fn numbers_that_do_not_fit_are_refused_by_name() {
    let buffer = |decay, weight| DyadicBuffer { decay, weight };
    let refused = |buffers| Buffered::with_buffers(10, limits(1, 4), buffers).unwrap_err().to_string();
    assert!(refused(vec![]).contains("buffers"));
    assert!(refused(vec![buffer(1, 1); 9]).contains("buffers"));
    assert!(refused(vec![buffer(0, 1)]).contains("decay at place 0"));
    assert!(refused(vec![buffer(5, 5), buffer(ONE, 1)]).contains("decay at place 1"));
    assert!(refused(vec![buffer(5, 0)]).contains("weight at place 0"));
    assert!(refused(vec![buffer(5, ONE), buffer(5, 1)]).contains("weight at place 1"));
    assert!(Buffered::new(10, 2, limits(2, 11)).is_err() && Buffered::new(0, 2, limits(1, 1)).is_err());
}
