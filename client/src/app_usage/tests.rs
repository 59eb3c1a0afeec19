use super::*;

fn device(name: &str) -> DeviceId {
    name.parse().unwrap()
}

#[test]
fn a_person_is_the_same_in_every_process_and_more_launches_only_append() {
    let examples = person(3, &device("7"), 30);
    assert_eq!(person(3, &device("7"), 10), examples.slice(0..10));
    assert_eq!((examples.len(), examples.shape()), (30, SHAPE));
    for other in [person(4, &device("7"), 30), person(3, &device("8"), 30), unseen(3, 7, 30)] {
        assert_ne!(other, examples);
    }
    // The bytes of one person, so that no machine and no later version draws another.
    let labels = person(0, &device("0"), 12);
    assert_eq!(labels.labels(), KNOWN);
}

const KNOWN: [u32; 12] = [5, 4, 6, 13, 5, 5, 2, 7, 6, 1, 8, 14];

#[test]
fn every_example_says_one_part_one_place_and_one_last_application() {
    let examples = person(1, &device("0"), 200);
    let (mut labels, names) = (std::collections::BTreeSet::new(), names());
    for index in 0..examples.len() {
        let (moment, apps) = examples.input(index).split_at(PARTS + PLACES + 2);
        assert_eq!(moment[..PARTS].iter().sum::<f32>(), 1.0);
        assert_eq!(moment[PARTS..PARTS + PLACES].iter().sum::<f32>(), 1.0);
        assert_eq!(apps[..APPS].iter().sum::<f32>(), 1.0);
        assert!((apps[APPS..].iter().sum::<f32>() - 4.0).abs() < 1e-5);
        if let Some(before) = index.checked_sub(1) {
            assert_eq!(apps[examples.labels()[before] as usize], 1.0, "what was opened before");
        }
        labels.insert(examples.labels()[index]);
    }
    assert!(labels.len() > 5 && names.len() > *labels.last().unwrap() as usize);
    for app in &CATALOGUE {
        for (before, _) in app.follows {
            assert!(names.contains(before), "{}: {before}", app.name);
        }
    }
}

/// What nobody can do better than, and what needs no learning: the figures beside which a model's are to be read.
#[test]
fn the_best_that_could_be_foretold_is_far_above_what_needs_no_model() {
    let (mut best, mut best_three, mut popular, mut own, mut seen) = (0, 0, 0, 0, 0);
    let mut of_all = [0_usize; APPS];
    for index in 0..400_u64 {
        follow(&[UNSEEN, &9_u64.to_le_bytes(), &index.to_le_bytes()], 10, |features, weights, label| {
            let rank = weights.iter().filter(|weight| **weight > weights[label]).count();
            best += usize::from(rank == 0);
            best_three += usize::from(rank < 3);
            popular += usize::from(label == 0);
            let shares = &features[FEATURES - APPS..];
            own += usize::from(shares.iter().all(|share| *share <= shares[label]));
            of_all[label] += 1;
            seen += 1;
        });
    }
    let part = |count: usize| count as f64 / f64::from(seen);
    println!(
        "the truth {:.3} (among three {:.3}), one's own favourite {:.3}, everybody's favourite {:.3}",
        part(best),
        part(best_three),
        part(own),
        part(popular)
    );
    assert_eq!(of_all.iter().max(), Some(&of_all[0]), "everybody's favourite is the first");
    assert!(part(best) > part(own) + 0.05 && part(own) > part(popular), "nothing to learn");
    assert!(part(best) < 0.9 && part(best_three) > part(best));
}
