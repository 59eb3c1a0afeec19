use super::*;

/// Update norms of a population, spread over a factor of a hundred, evenly in their logarithm; the median is 1.
fn norms(devices: usize) -> Vec<f64> {
    (0..devices).map(|device| 10_f64.powf(2.0 * (device as f64 + 0.5) / devices as f64 - 1.0)).collect()
}

/// A repeatable stand-in for noise: a sum of twelve numbers from a linear congruential generator, of variance 1.
struct Noise(u64);

impl Noise {
    fn draw(&mut self) -> f64 {
        let mut uniform = || {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.0 >> 11) as f64 / (1_u64 << 53) as f64
        };
        (0..12).map(|_| uniform()).sum::<f64>() - 6.0
    }
}

/// The clip after each round, from `start`, and the part of the population that is within it.
fn followed(adaptive: &AdaptiveClip, start: f64, rounds: usize) -> Vec<(f64, f64)> {
    let (population, mut noise) = (norms(1000), Noise(20_261_124));
    let mut clip = Clip::new(start).unwrap();
    (0..rounds)
        .map(|_| {
            let within = population.iter().filter(|norm| **norm <= clip.get()).count() as f64;
            let sum = within - (1000.0 - within) + 40.0 * noise.draw();
            clip = adaptive.next(clip, sum, 1000.0).unwrap();
            (clip.get(), population.iter().filter(|norm| **norm <= clip.get()).count() as f64 / 1000.0)
        })
        .collect()
}

#[test]
fn the_clip_finds_its_quantile_from_a_hundredth_and_from_a_hundredfold_and_stays() {
    for quantile in [0.2, 0.5, 0.9] {
        let adaptive = AdaptiveClip { quantile, learning_rate: 0.2, share: Share::new(0.01).unwrap() };
        for start in [0.01, 1.0, 100.0] {
            let path = followed(&adaptive, start, 400);
            for (round, (clip, within)) in path.iter().enumerate().skip(150) {
                assert!(
                    (within - quantile).abs() < 0.05,
                    "{quantile} from {start}: {within} within {clip} in round {round}"
                );
            }
            // A rule with the sign of another implementation runs away: here a step toward the target is one.
            let (first, _) = path[0];
            let (target, from) = (10_f64.powf(2.0 * quantile - 1.0), start);
            assert!((first - target).abs() <= (from - target).abs() + 0.1 * target, "{quantile} from {start}: {first}");
        }
    }
}

#[test]
fn too_many_within_lower_the_clip_and_too_few_raise_it() {
    let adaptive = AdaptiveClip { quantile: 0.5, learning_rate: 0.2, share: Share::new(0.01).unwrap() };
    let clip = Clip::new(1.0).unwrap();
    let after = |within: f64| adaptive.next(clip, within, 100.0).unwrap().get();
    assert!((after(100.0) - (-0.1_f64).exp()).abs() < 1e-15, "all within");
    assert!((after(-100.0) - 0.1_f64.exp()).abs() < 1e-15, "none within");
    assert!((after(0.0) - 1.0).abs() < 1e-15, "half of them within");
    // However far noise throws it, one round does not throw the clip away.
    assert_eq!((after(1e9), after(-1e9)), (1.0 / LARGEST_FACTOR, LARGEST_FACTOR));
    let most = Clip::new(f64::MAX).unwrap();
    assert!(adaptive.next(most, -1e9, 100.0).is_err());
}

#[test]
fn wrong_numbers_are_named() {
    let right = AdaptiveClip { quantile: 0.5, learning_rate: 0.2, share: Share::new(0.01).unwrap() };
    assert_eq!(right.validate(), Ok(()));
    for quantile in [0.0, 1.0, f64::NAN] {
        assert!(AdaptiveClip { quantile, ..right }.validate().unwrap_err().contains("adaptive_clip.quantile"));
    }
    for learning_rate in [0.0, -0.2, f64::INFINITY] {
        assert!(
            AdaptiveClip { learning_rate, ..right }.validate().unwrap_err().contains("adaptive_clip.learning_rate")
        );
    }
}
