mod allocation;

use murmur_privacy::{NoiseRng, units::SamplingRate};

use super::*;

fn population(size: u32) -> Vec<DeviceId> {
    (0..size).map(|index| index.to_string().parse().unwrap()).collect()
}

fn chosen(participation: &Participation, seed: u64, enrolled: &[DeviceId]) -> BTreeSet<DeviceId> {
    match participation.select(&NoiseRng::seeded(seed).secret(), 0, enrolled) {
        Selection::Chosen(devices) => devices,
        Selection::FirstComers(_) => panic!("a chosen cohort was asked for"),
    }
}

#[test]
fn coins_are_independent_of_the_rest_of_the_population() {
    let rate = SamplingRate::new(0.3).unwrap();
    let poisson = Participation::Poisson { rate, window_seconds: 1, minimum_reports: 0 };
    let all = population(200);
    let whole = chosen(&poisson, 7, &all);
    // Whoever else is enrolled, a device's coin is the same: nobody displaces anybody.
    let half = chosen(&poisson, 7, &all[..100]);
    assert_eq!(half, whole.iter().filter(|device| all[..100].contains(device)).cloned().collect());
    assert_ne!(whole, chosen(&poisson, 8, &all));
}

#[test]
fn the_coin_has_the_rate_it_claims() {
    // 400,000 coins: six standard deviations (alpha about 2e-9) on either side.
    let all = population(4_000);
    for rate in [0.01, 0.1, 0.5, 1.0] {
        let poisson =
            Participation::Poisson { rate: SamplingRate::new(rate).unwrap(), window_seconds: 1, minimum_reports: 0 };
        let heads: usize = (0..100).map(|seed| chosen(&poisson, seed, &all).len()).sum();
        let (mean, deviation) = (400_000.0 * rate, (400_000.0 * rate * (1.0 - rate)).sqrt());
        assert!((heads as f64 - mean).abs() <= 6.0 * deviation, "rate {rate}: {heads} heads, seeds 0..100");
    }
}

#[test]
fn a_fixed_cohort_has_its_size_and_changes_with_the_secret() {
    let fixed = Participation::Fixed {
        cohort: 30,
        window_seconds: 1,
        minimum_reports: 0,
        separation: None,
        participations: None,
    };
    let all = population(200);
    assert_eq!(chosen(&fixed, 1, &all).len(), 30);
    assert_ne!(chosen(&fixed, 1, &all), chosen(&fixed, 2, &all));
}
