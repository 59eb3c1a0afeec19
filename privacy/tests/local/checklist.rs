//! Items of the honest-privacy checklist (privacy.md, section G) that local randomisers can hold.

use murmur_privacy::{
    Delta, NoiseRng,
    local::{
        LocalError, LocalGaussian, LocalGuarantee, LocalRandomiser as _, PrivUnit2, Sampling, SignFlip, WEAK,
        reconstruction_bound,
    },
    units::{DeltaProbability, Scale},
};

use crate::{clip, epsilon, norm, seeded};

#[test]
fn g09_the_textbook_formula_for_local_gaussian_noise_is_refused() {
    let delta = DeltaProbability::new(1e-6).unwrap();
    let textbook = |sensitivity: f64, loss: f64| {
        let sigma = Scale::new(sensitivity * (2.0 * (1.25 / 1e-6_f64).ln()).sqrt() / loss).unwrap();
        LocalGaussian::with_noise(sigma, epsilon(loss), delta, clip(1.0), 50)
    };
    // Below one it holds, if the sensitivity is that of a replaced update: twice the clip.
    assert!(textbook(2.0, 0.9).is_ok());
    for (sensitivity, loss) in [(2.0, 10.0), (2.0, 64.0), (1.0, 0.9), (0.1, 8.0)] {
        let refused = textbook(sensitivity, loss).unwrap_err();
        let LocalError::Understated { claimed, price, .. } = refused else { panic!("{refused}") };
        assert!(claimed.get() == loss && price.get() > loss, "{refused}");
        for part in
            [format!("claimed to cost epsilon {claimed}"), format!("costs {price}"), "twice the clip".to_owned()]
        {
            assert!(refused.to_string().contains(&part), "{refused}");
        }
    }
}

#[test]
fn g10_the_whole_update_is_clipped_once_not_each_part_of_it() {
    // Four parts, each of norm C: together 2 C, which the randomiser takes for C.
    let (c, part) = (0.5, [0.3_f32, 0.4]);
    let parts: Vec<f32> = part.into_iter().cycle().take(8).collect();
    let flip = SignFlip::new(PrivUnit2::new(epsilon(8.0), 8).unwrap(), clip(c)).unwrap();
    let mut rng = seeded(4_701);
    assert!((norm(&flip.numbers(&parts, &mut rng)) / (c * flip.directions().output_norm()) - 1.0).abs() < 1e-12);
    // As an update longer than C is never turned round, its mean has norm C and not 2 C.
    let mean = (0..100_000).fold([0.0; 8], |mut sum, _| {
        flip.numbers(&parts, &mut rng).iter().zip(&mut sum).for_each(|(value, sum)| *sum += value / 1e5);
        sum
    });
    assert!((norm(&mean) / c - 1.0).abs() < 0.05, "{}", norm(&mean));
    // The Gaussian's sensitivity is that of the whole as well, in however many coordinates.
    let gaussian =
        |dimension| LocalGaussian::new(epsilon(8.0), DeltaProbability::new(1e-6).unwrap(), clip(c), dimension).unwrap();
    assert!((gaussian(4_000).sigma() / gaussian(4).sigma() - 1.0).abs() < 0.05);
    let sent = gaussian(8).randomise(&Delta::new(vec![f32::MAX; 8]), &mut NoiseRng::seeded(4_702));
    assert!(sent.is_within(gaussian(8).output_bound().norm));
}

#[test]
fn g16_a_large_local_epsilon_is_called_weak_and_reconstruction_is_not_called_privacy() {
    for (loss, weak) in [(0.5, false), (9.9, false), (WEAK, true), (64.0, true), (f64::INFINITY, true)] {
        let text = LocalGuarantee::pure(epsilon(loss), Sampling::Exact).to_string();
        assert_eq!(text.contains("weak"), weak, "{text}");
        assert!(!text.contains("strong"), "{text}");
    }
    let bound = reconstruction_bound(epsilon(64.0), 2.0, 1_000, 1.0).unwrap();
    assert!(bound.probability < 1e-6, "{bound}");
    let text = bound.to_string();
    assert!(text.contains("not differential privacy") && text.contains("local epsilon 64"), "{text}");
    // No field of what is written out could be mistaken for a guarantee.
    let written = serde_json::to_value(bound).unwrap();
    let keys: Vec<&str> = written.as_object().unwrap().keys().map(String::as_str).collect();
    assert!(
        !keys.iter().any(|key| key.contains("dp") || key.contains("delta") || key.contains("guarantee")),
        "{keys:?}"
    );
}
