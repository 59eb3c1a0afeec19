//! Tasks with correlated noise.

use murmur_privacy::{DpEvent, Mechanism, correlated::Shape};

use super::*;
use crate::participation::ParticipationError;

/// Bands over the whole run; a device takes part every ten rounds at most.
fn banded() -> String {
    TASK.replace(
        "kind = \"poisson\"\nrate = 0.1\n",
        "kind = \"check_in\"\ncohort = 250\nseparation = 10\nparticipations = 6\n",
    )
    .replace("mechanism = \"gaussian\"", "mechanism = \"banded\"\nbands = 8")
}

fn tree() -> String {
    banded()
        .replace("mechanism = \"banded\"\nbands = 8", "mechanism = \"tree\"\nleaves = 20")
        .replace("participations = 6", "participations = 1")
        .replace("cohort = 250", "cohort = 100")
        .replace("minimum_reports = 200", "minimum_reports = 100")
}

fn blt() -> String {
    banded().replace("mechanism = \"banded\"\nbands = 8", "mechanism = \"blt\"\nbuffers = 2")
}

#[test]
fn tasks_with_correlated_noise_are_read_and_every_mistake_in_them_is_named() {
    for (text, shape, block) in [
        (banded(), Shape::Banded { bands: 8 }, 60),
        (tree(), Shape::Tree { leaves: 20 }, 20),
        (blt(), Shape::Buffered { buffers: 2 }, 60),
        (banded().replace("\"check_in\"", "\"fixed\""), Shape::Banded { bands: 8 }, 60),
    ] {
        let task = Task::from_toml(&text).unwrap();
        assert_eq!(Task::from_json(&task.to_json().unwrap()).unwrap(), task);
        assert_eq!((task.privacy.shape(), task.block_rounds().get()), (Some(shape), block));
        let rule = task.turn_rule().unwrap();
        assert_eq!((rule.limits.separation.get(), rule.block_rounds.get()), (10, block));
    }
    for (text, from, to, named) in [
        (banded(), "bands = 8", "", "privacy.bands is missing"),
        (banded(), "bands = 8", "bands = 8\nleaves = 4", "privacy.leaves belongs to mechanism = \"tree\""),
        (banded(), "bands = 8", "bands = 0", "bands"),
        (banded(), "bands = 8", "bands = 11", "11 bands need a separation of at least 11 rounds, not 10"),
        (banded(), "separation = 10\n", "", "separation and participation.participations are both needed"),
        (banded(), "participations = 6\n", "", "are both needed with privacy.mechanism = \"banded\""),
        (banded(), "separation = 10", "separation = 0", "participation.separation must be at least 1"),
        (banded(), "participations = 6", "participations = 0", "participation.participations must be at least 1"),
        (banded(), "separation = 10", "separation = 61", "separation of 61 rounds does not fit into a block of 60"),
        (tree(), "leaves = 20", "leaves = 25", "60 rounds are no whole number of trees of 25"),
        (
            tree(),
            "participations = 1",
            "participations = 2",
            "in each tree a device takes part at most once, not 2 times",
        ),
        (tree(), "leaves = 20", "", "privacy.leaves is missing"),
        (blt(), "buffers = 2", "buffers = 9", "buffers"),
        (blt(), "mechanism = \"blt\"", "mechanism = \"gaussian\"", "privacy.buffers belongs to mechanism = \"blt\""),
        (blt(), "\"blt\"\nbuffers = 2", "\"gaussian\"", "go with correlated noise only"),
        (TASK.to_owned(), "rate = 0.1\n", "rate = 0.1\nseparation = 4\n", "separation"),
        (TASK.to_owned(), "\"gaussian\"", "\"tree\"\nleaves = 20", "does not go with participation.kind = \"poisson\""),
        (allocated(), "\"gaussian\"", "\"blt\"\nbuffers = 2", "does not go with participation.kind = \"allocation\""),
        (TASK.to_owned(), "\"gaussian\"", "\"matrix\"", "\"tree\", \"banded\", \"blt\""),
        (banded(), "epsilon = 2.0\n", "", "privacy.epsilon is missing"),
        (
            banded(),
            "bands = 8",
            "bands = 8\nadaptive_clip = { quantile = 0.5, learning_rate = 0.2, share = 0.01 }",
            "privacy.adaptive_clip moves the scale of the noise from round to round",
        ),
    ] {
        assert!(text.contains(from), "{from}");
        let message = Task::from_toml(&text.replacen(from, to, 1)).unwrap_err().to_string();
        assert!(message.contains(named), "{to:?}: {message}");
    }
}

#[test]
fn a_correlated_schedule_charges_its_worst_case_as_one_block() {
    let schedule = Schedule::new(Task::from_toml(&banded()).unwrap(), 5_000).unwrap();
    let DpEvent::MatrixFactorisation(run) = schedule.round_event() else { panic!("a run was due") };
    let worst = (run.rounds().get(), run.participations().get(), run.separation().get());
    assert_eq!(worst, (60, 6, 10));
    assert_eq!(schedule.round_event(), &schedule.mechanism().event(&schedule.grid()), "nothing is amplified");
    let Mechanism::Correlated { sigma, correlation } = schedule.mechanism() else { panic!("correlated noise was due") };
    assert_eq!(run.sigma().get(), *sigma as f64);
    let multiplier = schedule.noise_multiplier().unwrap().get();
    assert!((multiplier - *sigma as f64 / correlation.sensitivity(&schedule.grid())).abs() < 1e-12);
    // One Gaussian release at epsilon 2 and delta 1e-5 needs 1.99 (Balle and Wang 2018); the calibration is to the step.
    assert!((1.98..2.01).contains(&multiplier), "{multiplier}");
    assert_eq!(
        Schedule::new(Task::from_toml(&banded()).unwrap(), 5_000).unwrap().round_event(),
        schedule.round_event()
    );
    let trees = Schedule::new(Task::from_toml(&tree()).unwrap(), 5_000).unwrap();
    assert_eq!(trees.round_event().rounds_spanned().get(), 20);
    assert!(trees.noise_multiplier().unwrap().get() > 1.7 * multiplier, "three trees, each a release");
}

#[test]
fn a_population_in_which_it_might_be_nobodys_turn_is_refused() {
    let schedule = |text: &str, devices| Schedule::new(Task::from_toml(text).unwrap(), devices);
    // Nine rounds of 250 wait, and 200 reports are wanted.
    assert!(schedule(&banded(), 2_450).is_ok());
    let TaskError::Participation(refused) = schedule(&banded(), 2_449).unwrap_err() else { panic!("turns") };
    assert!(matches!(refused, ParticipationError::TooFewForTurns { least: 2_450, wanted: 200, population: 2_449, .. }));
    assert!(refused.to_string().contains("2450 enrolled devices are needed"), "{refused}");
    // Three turns each, where the separation would allow six: 250 (9 * 2 + 59) / 3 may be used up or waiting.
    let few = banded().replace("participations = 6", "participations = 3");
    assert!(schedule(&few, 6_617).is_ok() && schedule(&few, 6_616).is_err());
    // One turn in each tree of 20 rounds of 100.
    assert!(schedule(&tree(), 2_000).is_ok() && schedule(&tree(), 1_999).is_err());
}
