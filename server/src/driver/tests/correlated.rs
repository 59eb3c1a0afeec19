//! Correlated noise through processes that die: it goes on as if they had not, and who took part is on the medium before it is paid for.

use std::collections::BTreeMap;

use murmur_round::checkpoint::read_model;

use super::*;

/// Four rounds of one device each; a device takes part twice at most, and not in neighbouring rounds.
const RUN: &str = r#"
name = "tiny"
population = "phones"
rounds = 4
model = { kind = "linear", input = [1, 2, 2], classes = 2 }
plan = { epochs = 1, batch_size = 10, learning_rate = 0.1 }
participation = { kind = "check_in", cohort = 1, window_seconds = 60, minimum_reports = 1, separation = 2, participations = 2 }
privacy = { clip = 1.0, mechanism = "blt", buffers = 2, epsilon = 8.0, delta = 1e-3, noise_multiplier = 2.0 }
server = { optimizer = "fedavg", learning_rate = 1.0 }
"#;

fn medium(store: &Mortal) -> std::sync::MutexGuard<'_, Medium> {
    store.0.lock().unwrap()
}

/// By position, what a released round added to the model, in steps: noise alone, as devices send zeros.
fn noises(medium: &Medium) -> BTreeMap<u32, Vec<i64>> {
    let schedule = Schedule::new(Task::from_toml(RUN).unwrap(), 3).unwrap();
    let layout = schedule.task().model.layout();
    let mut before = vec![0.0; layout.dimension()];
    let (mut paid, mut noises) = (0, BTreeMap::new());
    for (index, line) in (0..).zip(&medium.kept.ledgers["phones"]) {
        match Entry::from_line(index, line).unwrap().record {
            Record::Spent { .. } => paid += 1,
            Record::Released { model, .. } => {
                let params = read_model(&medium.kept.checkpoints[&model].model, layout.clone()).unwrap();
                let step =
                    |(now, before): (&f32, &f32)| (f64::from(now - before) / schedule.grid().step()).round() as i64;
                noises.insert(paid - 1, params.values().iter().zip(&before).map(step).collect());
                before = params.values().to_vec();
            }
            _ => {}
        }
    }
    noises
}

#[test]
fn whatever_dies_when_noise_is_never_redrawn_and_who_took_part_is_recorded_before_it_is_paid_for() {
    // Each seed's own noise, undisturbed: the first process draws it, or the second, if the first one died before.
    let undisturbed = [1, 2].map(|seed| {
        let store = Mortal::default();
        live_through(RUN, &store, seed, &mut Vec::new()).unwrap();
        let noises = noises(&medium(&store));
        assert_eq!(noises.len(), 4);
        noises
    });
    assert_ne!(undisturbed[0], undisturbed[1], "the test can fail");
    let mut lost = 0;
    for death in [Death::Before, Death::After] {
        for fuse in 0.. {
            let store = Mortal::default();
            medium(&store).fuse = Some((fuse, death));
            let mut published = Vec::new();
            let died = live_through(RUN, &store, 1, &mut published).is_err();
            medium(&store).fuse = None;
            let drawn =
                !died || !medium(&store).kept.secrets.is_empty() || medium(&store).steps.contains(&"no secret".into());
            if died {
                assert_eq!(live_through(RUN, &store, 2, &mut published).unwrap(), Outcome::Completed);
            }
            let medium = medium(&store);
            check(&medium, &published);
            let noises = noises(&medium);
            let expected = &undisturbed[usize::from(!drawn)];
            assert!(noises.iter().all(|(position, noise)| expected[position] == *noise), "fuse {fuse}, {death:?}");
            lost += 4 - noises.len();
            let steps = &medium.steps;
            assert!(medium.kept.secrets.is_empty(), "{steps:?}");
            let paid: Vec<usize> = (0..steps.len()).filter(|step| steps[*step].starts_with("spent")).collect();
            assert_eq!(paid.len(), 4, "no secret and no record was lost, so no round is given up: {steps:?}");
            for (position, step) in paid.into_iter().enumerate() {
                assert_eq!(steps[step - 1], format!("attendance {position}"), "{steps:?}");
            }
            if !died {
                break;
            }
        }
    }
    assert!(lost >= 8, "each round was lost in some of these lives, and used its place up: {lost}");
}

#[test]
fn a_record_that_is_gone_costs_the_rest_of_its_run() {
    let store = Mortal::default();
    live_through(RUN, &store, 0, &mut Vec::new()).unwrap();
    let within = medium(&store).steps.iter().position(|step| step.starts_with("released 1")).unwrap();
    let store = Mortal::default();
    let mut published = Vec::new();
    medium(&store).fuse = Some((within, Death::After));
    live_through(RUN, &store, 0, &mut published).unwrap_err();
    medium(&store).fuse = None;
    medium(&store).kept.attendances.clear();
    assert_eq!(live_through(RUN, &store, 9, &mut published).unwrap(), Outcome::Completed);
    let medium = medium(&store);
    check(&medium, &published);
    let given_up = |line: &&String| line.contains(r#""record":"forfeited""#) && line.contains(r#""rounds":2"#);
    assert_eq!(medium.kept.ledgers["phones"].iter().filter(given_up).count(), 1);
    assert_eq!(noises(&medium).len(), 2);
}
