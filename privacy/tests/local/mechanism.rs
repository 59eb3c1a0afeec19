//! A task's choice of a randomiser: its written form, and every choice from an update to a decoded sum.

use murmur_privacy::{
    Delta, Encoding, Grid, NoiseRng, Plain, Seal as _, Upload,
    local::{LocalError, LocalMechanism, LocalRandomiser, OutputBound, PrivUnit2, Sampling, SignFlip},
};

use crate::{clip, epsilon, norm};

fn parsed(text: &str) -> LocalMechanism {
    let mechanism: LocalMechanism = serde_json::from_str(text).unwrap();
    let written = serde_json::to_string(&mechanism).unwrap();
    assert_eq!(serde_json::from_str::<LocalMechanism>(&written).unwrap(), mechanism);
    mechanism
}

const ALL: [&str; 6] = [
    r#"{"mechanism":"privunit2","epsilon":64.0}"#,
    r#"{"mechanism":"privunit2","epsilon":64.0,"magnitude_epsilon":8.0}"#,
    r#"{"mechanism":"privunitg","epsilon":64.0}"#,
    r#"{"mechanism":"privunit2","epsilon":64.0,"projection":{"kind":"hadamard","sent":40}}"#,
    r#"{"mechanism":"privunit2","epsilon":64.0,"projection":{"kind":"haar","sent":40}}"#,
    r#"{"mechanism":"gaussian","epsilon":64.0,"delta":1e-6}"#,
];

fn made(text: &str) -> Box<dyn LocalRandomiser + Send + Sync> {
    parsed(text).randomiser(clip(0.5), 100, [7; 32]).unwrap()
}

#[test]
fn every_mechanism_carries_updates_to_a_decoded_sum() {
    let (devices, update) = (400, (0..100).map(|at| (at as f32).cos() * 0.05).collect::<Vec<f32>>());
    let truth: Vec<f64> = update.iter().map(|&value| f64::from(value)).collect();
    let mut rng = NoiseRng::seeded(4_601);
    for text in ALL {
        let local = made(text);
        let reach = local.output_bound().clip(local.sent()).unwrap();
        let grid = Grid::fit(reach, local.sent()).unwrap().with_ring_for(devices, 0).unwrap();
        let mut sum = vec![0.0; local.sent()];
        for _ in 0..devices {
            // What a coordinator would read from the wire, here without noise of its own.
            let bytes = Plain.seal(grid.encode(&local.randomise(&Delta::new(update.clone()), &mut rng))).to_bytes();
            assert!(Upload::from_plain_bytes(&Encoding::plain(grid), &bytes).is_ok());
            unpack(&grid, &bytes).zip(&mut sum).for_each(|(steps, sum)| *sum += steps * grid.step());
        }
        let decoded = local.decode(sum);
        assert_eq!((decoded.len(), local.dimension()), (100, 100));
        let error =
            norm(&decoded.iter().zip(&truth).map(|(sum, truth)| sum / devices as f64 - truth).collect::<Vec<_>>());
        println!("{text}: error of the mean of {devices} {error:.4}, update {:.4}", norm(&truth));
        // All share one projection, whose error stays.
        let shared = if text.contains("projection") { 1.5 } else { 0.3 };
        assert!(error < shared * norm(&truth), "{text}: {error}");
    }
}

/// Coordinates of a packed upload, in steps.
fn unpack(grid: &Grid, bytes: &[u8]) -> impl Iterator<Item = f64> {
    let (bits, bytes) = (usize::from(grid.ring_bits()), bytes.to_vec());
    (0..grid.dimension()).map(move |at| {
        let word = (0..bits).fold(0_i64, |word, bit| {
            let place = at * bits + bit;
            word | i64::from(bytes[place / 8] >> (place % 8) & 1) << bit
        });
        ((word << (64 - bits)) >> (64 - bits)) as f64
    })
}

#[test]
fn the_grid_of_the_outputs_bound_shortens_nothing() {
    for dimension in [2, 3, 10, 1_000] {
        let flip = SignFlip::new(PrivUnit2::new(epsilon(8.0), dimension).unwrap(), clip(0.5)).unwrap();
        let bound: OutputBound = flip.output_bound();
        let grid = |clip| Grid::fit(clip, dimension).unwrap().with_ring_for(1, 0).unwrap();
        let (roomy, tight) = (grid(bound.clip(dimension).unwrap()), grid(clip(bound.norm)));
        let mut rng = NoiseRng::seeded(4_602);
        let mut shortened = 0;
        for _ in 0..50 {
            let sent = flip.randomise(&Delta::new(vec![1.0; dimension]), &mut rng);
            let length = |grid: Grid| {
                let steps: Vec<f64> = unpack(&grid, &Plain.seal(grid.encode(&sent)).to_bytes()).collect();
                norm(&steps) * grid.step()
            };
            // Rounding alone moves a length by half a step of each coordinate at most.
            let rounding = |grid: Grid| grid.step() * (dimension as f64).sqrt() / 2.0;
            assert!((length(roomy) / bound.norm - 1.0).abs() <= rounding(roomy) / bound.norm + 1e-6, "{dimension}");
            shortened += u32::from(length(tight) < bound.norm - 0.5 * rounding(tight));
        }
        assert!(dimension < 1_000 || shortened == 50, "{dimension} {shortened}");
    }
}

#[test]
fn each_says_what_it_costs_and_how_it_is_drawn() {
    let guarantees = ALL.map(|text| made(text).guarantee());
    assert!(guarantees.iter().all(|guarantee| guarantee.epsilon().get() > 63.0));
    assert!(guarantees[0].epsilon().get() <= 64.0 && guarantees[1].epsilon().get() <= 72.0);
    assert!(guarantees[1].epsilon().get() > 71.9, "both epsilons count");
    for guarantee in &guarantees[..5] {
        assert_eq!((guarantee.delta(), guarantee.sampling()), (0.0, Sampling::Idealised));
        assert!(guarantee.to_string().contains("idealised"), "{guarantee}");
    }
    assert_eq!((guarantees[5].delta(), guarantees[5].sampling()), (1e-6, Sampling::Exact));
    assert!(!guarantees[5].to_string().contains("idealised"));
}

#[test]
fn the_seed_chooses_the_projection_and_nothing_else() {
    let with = |text: &str, seed| parsed(text).randomiser(clip(0.5), 100, [seed; 32]).unwrap();
    let sent = || (0..40).map(f64::from).collect::<Vec<_>>();
    assert_eq!(with(ALL[3], 1).decode(sent()), with(ALL[3], 1).decode(sent()));
    assert_ne!(with(ALL[3], 1).decode(sent()), with(ALL[3], 2).decode(sent()));
    assert_eq!(with(ALL[0], 1).decode(sent()), sent());
}

#[test]
fn what_is_unknown_or_missing_is_an_error() {
    for text in [
        r#"{"mechanism":"privunit2"}"#,
        r#"{"mechanism":"privunit2","epsilon":-1.0}"#,
        r#"{"mechanism":"privunit2","epsilon":1.0,"sensitivity":0.1}"#,
        r#"{"mechanism":"privunit2","epsilon":1.0,"projection":{"kind":"sparse","sent":40}}"#,
        r#"{"mechanism":"gaussian","epsilon":1.0}"#,
        r#"{"mechanism":"gaussian","epsilon":1.0,"delta":0.0}"#,
        r#"{"mechanism":"laplace","epsilon":1.0}"#,
    ] {
        assert!(serde_json::from_str::<LocalMechanism>(text).is_err(), "{text}");
    }
    let tiny = parsed(ALL[0]).randomiser(clip(1e-40), 100, [0; 32]).err().unwrap();
    let huge = parsed(ALL[0]).randomiser(clip(3e38), 100, [0; 32]).err().unwrap();
    for refused in [tiny, huge] {
        assert!(matches!(refused, LocalError::OutputRange { .. }), "{refused}");
    }
}
