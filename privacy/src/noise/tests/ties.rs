//! The branches that random digits reach once in 2^40 and less: forced by chosen words, checked digit by digit.

use num_bigint::BigInt;

use super::{script::Script, *};
use crate::noise::{
    invert::{Law, draw},
    lattice::Lattice,
};

/// `T(m)` as its first 63 bits and the 64-bit digits after them.
fn digits(law: &impl Law, m: u64) -> (u64, Vec<u64>) {
    let count = 4;
    let tail = law.tail(m, 63 + 64 * (count + 1));
    let digit = |index: u64| -> u64 {
        u64::try_from((tail.low() >> (64 * (count + 1 - index))) & BigInt::from(u64::MAX)).unwrap()
    };
    let first = u64::try_from(tail.low() >> (64 * (count + 1))).unwrap();
    // The fifth digit tells that those before it are the same whatever is known of the rest.
    assert_eq!(first, u64::try_from(tail.high() >> (64 * (count + 1))).unwrap());
    (first, (1..=count).map(digit).collect())
}

/// A fraction that equals `T(m)` in its first 63 bits and in `tied` more digits, and then lies just beside it. False, and nothing
/// done, where a change of that digit passes other thresholds as well.
fn beside(law: &impl Law, name: &str, m: u64, tied: usize) -> bool {
    let bits = 63 + 64 * (tied as u64 + 1);
    let [above, at, below] = [m.saturating_sub(1).max(1), m, m + 1].map(|m| law.tail(m, bits));
    if at.high() + 4 >= *above.low() && m > 1 || below.high() + 4 >= *at.low() {
        return false;
    }
    let (first, point) = digits(law, m);
    for (change, expected) in [(-1_i64, m), (1, m - 1)] {
        let Some(moved) = point[tied].checked_add_signed(change) else { continue };
        for sign in [0, 1] {
            let mut words = vec![word_of(first) | sign];
            words.extend(&point[..tied]);
            words.push(moved);
            let mut script = Script::new(&words);
            let mut sample = [0];
            draw(law, &mut sample, &mut script);
            let expected = if sign == 1 { -(expected as i64) } else { expected as i64 };
            assert_eq!(sample[0], expected, "{name}, m {m}, {tied} digits tied, then {change}");
            assert!(script.finished(), "{name}, m {m}: {tied} tied digits and one more decide");
        }
    }
    true
}

fn all_ties(law: &impl Law, name: &str, magnitudes: &[u64]) {
    for m in magnitudes {
        let done = (0..3).filter(|tied| beside(law, name, *m, *tied)).count();
        assert!(done >= 2, "{name}, m {m}: {done} depths");
    }
}

#[test]
fn a_fraction_beside_a_threshold_of_the_rounded_gaussian_falls_on_its_side() {
    for sigma in [1, 3, 10, 1000, (1 << 24) + 1, 1 << 38] {
        // At 10 sigma all 63 bits of a word are zero, and at 13 sigma the first digit after them as well.
        let magnitudes = [1, sigma, 2 * sigma + 1, 5 * sigma, 10 * sigma, 13 * sigma];
        all_ties(&rounded::Inversion::new(sigma), &format!("rounded Gaussian {sigma}"), &magnitudes);
    }
}

#[test]
fn a_fraction_beside_a_threshold_of_the_discrete_laplace_falls_on_its_side() {
    for scale in [1, 3, 10, 1000, (1 << 24) + 1, 1 << 32] {
        let magnitudes = [1, scale, 2 * scale + 1, 20 * scale, 50 * scale, 100 * scale];
        all_ties(&DiscreteLaplace::new(scale).unwrap(), &format!("discrete Laplace {scale}"), &magnitudes);
    }
}

#[test]
fn a_fraction_beside_a_threshold_of_the_discrete_gaussian_falls_on_its_side() {
    for sigma in [1, 511, 512, (1 << 24) + 1] {
        let law = Lattice::<discrete_gaussian::Gaussian>::new(sigma).unwrap();
        all_ties(&law, &format!("discrete Gaussian {sigma}"), &[1, 2 * sigma + 1]);
        assert!(beside(&law, &format!("discrete Gaussian {sigma}"), 10 * sigma, 0), "{sigma}");
    }
}

#[test]
fn a_fraction_beside_a_threshold_of_skellam_falls_on_its_side() {
    for sigma in [1, 511, 512, (1 << 24) + 1] {
        let law = Lattice::<skellam::Bessel>::new(sigma).unwrap();
        all_ties(&law, &format!("Skellam {sigma}"), &[1, 2 * sigma + 1]);
        let far = if sigma == 1 { 20 } else { 10 * sigma };
        assert!(beside(&law, &format!("Skellam {sigma}"), far, 0), "{sigma}");
    }
}

/// Digits for a tie are drawn after the words of the batch, in order, and change no other sample.
#[test]
fn an_open_look_leaves_its_neighbours_alone() {
    let law = rounded::Inversion::new(1000);
    let (first, point) = digits(&law, 700);
    let plain = [word_of(1 << 61), word_of(3 << 60) | 1, word_of(12345)];
    let mut alone = [0; 3];
    draw(&law, &mut alone, &mut Script::new(&plain));
    let tie = word_of(first);
    let words = [plain[0], tie, plain[1], tie, plain[2], point[0] - 1, point[0], point[1] + 1];
    let (mut script, mut samples) = (Script::new(&words), [0; 5]);
    draw(&law, &mut samples, &mut script);
    assert_eq!(samples, [alone[0], 700, alone[1], 699, alone[2]]);
    assert!(script.finished());
}
