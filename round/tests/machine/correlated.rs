//! Correlated noise step by step: turns, restarts, and what is given up. That every released model has the noise of its very place, and
//! that nobody's turns break the limits, is checked at each step by the reference.

use murmur_privacy::{Digest, Ledger, NoiseRng, units::Epsilon};
use murmur_round::{
    checkpoint::read_manifest,
    coordinator::{Coordinator, Outcome, Refusal, StartError, Stored, Verdict},
    participation::{Attendance, KeptSecret},
    time::Millis,
};

use crate::{
    reference::{Fate, fates, forfeited},
    tasks::{BLOCK, Cohort, DEVICES, Small, WINDOW, device, enrolled},
    world::{Heard, World},
};

const NOISE: Option<(f64, f64)> = Some((2.0, 100.0));

/// Six rounds of two devices; a device takes part twice at most, three rounds apart.
fn turns() -> Small {
    Small { rounds: 6, noise: NOISE, ..Small::exact(Cohort::Turns) }
}

/// Two trees of four rounds of two devices; once each in each.
fn trees() -> Small {
    Small { rounds: 2 * BLOCK, noise: NOISE, ..Small::exact(Cohort::Trees) }
}

fn small(cohort: Cohort) -> Small {
    Small { cohort, ..if cohort == Cohort::Trees { trees() } else { turns() } }
}

const ALL: [Cohort; 3] = [Cohort::Turns, Cohort::Buffers, Cohort::Trees];

/// Opens a round and lets everybody ask, in order: who has work in it.
fn open_and_ask(world: &mut World) -> Vec<usize> {
    for index in 0..DEVICES {
        if world.account().open_round().is_none() {
            world.check_in(index);
        }
    }
    world.persist();
    (0..DEVICES).filter(|&index| matches!(world.check_in(index), Heard::Assigned(_))).collect()
}

/// A whole round, in which everybody who has work answers. Returns who did.
fn run_round(world: &mut World) -> Vec<usize> {
    let working = open_and_ask(world);
    let round = world.last_opened();
    for &index in &working {
        assert_eq!(world.upload(index, round), Verdict::Accepted);
    }
    world.wait(Millis(WINDOW), true);
    world.persist();
    working
}

#[test]
fn devices_take_turns_and_are_turned_away_until_it_is_theirs_again() {
    let mut world = World::new(turns(), 1);
    let cohorts: Vec<Vec<usize>> = (0..6).map(|_| run_round(&mut world)).collect();
    // Whoever asks first and may: three rounds pass before a device's second turn.
    assert_eq!(cohorts, [[0, 1], [2, 3], [4, 5], [0, 1], [2, 3], [4, 5]]);
    assert_eq!(world.finish(), Outcome::Completed);
    let positions: Vec<u32> = world.attendance.iter().map(|attendance| attendance.position).collect();
    assert_eq!(positions, [0, 1, 2, 3, 4, 5], "each round was recorded before it was paid for");
}

#[test]
fn a_device_without_a_turn_cannot_send_and_one_that_did_not_answer_keeps_its_turn() {
    let mut world = World::new(turns(), 1);
    run_round(&mut world);
    assert_eq!(open_and_ask(&mut world), [2, 3]);
    assert_eq!(world.upload(0, 1), Verdict::Refused(Refusal::NotAssigned));
    world.upload(2, 1);
    world.withdraw(3, 1);
    world.persist();
    assert_eq!(fates(&world.entries)[&1], Fate::Released);
    assert_eq!(world.attendance[1].devices, [device(2)], "who withdrew did not take part");
    assert_eq!(run_round(&mut world), [3, 4]);
}

#[test]
fn in_each_tree_a_device_takes_part_once() {
    let mut world = World::new(trees(), 2);
    let mut cohorts: Vec<Vec<usize>> = (0..2 * BLOCK).map(|_| run_round(&mut world)).collect();
    for tree in cohorts.chunks_mut(BLOCK as usize) {
        let mut everybody: Vec<usize> = tree.iter().flatten().copied().collect();
        everybody.sort_unstable();
        assert_eq!(everybody, (0..DEVICES).collect::<Vec<_>>(), "{tree:?}");
    }
    assert_ne!(cohorts[..4], cohorts[4..], "chosen at random, seed 2");
    assert_eq!(world.kept, None);
}

#[test]
fn a_run_is_charged_whole_with_its_first_round_and_says_how_turns_are_limited() {
    for cohort in ALL {
        let mut world = World::new(small(cohort), 1);
        assert_eq!(world.account().epsilon_spent(), Epsilon::ZERO);
        open_and_ask(&mut world);
        assert!(world.kept.is_some(), "the secret of the noise is durable before the first round opens");
        world.wait(Millis(WINDOW), true);
        world.persist();
        let event = world.account().reservation().round_event.clone();
        let spent = world.account().epsilon_spent();
        let delta = murmur_privacy::units::DeltaProbability::new(1e-3).unwrap();
        assert_eq!(spent, murmur_privacy::accountant::tightest(&event, delta).unwrap().epsilon);
        let (_, model) = world.published[1];
        let guarantee = read_manifest(&world.checkpoints[&model].model).unwrap().guarantee;
        assert_eq!((guarantee.epsilon_spent, guarantee.accountant.as_str()), (spent, "exact-gaussian"));
        assert!(guarantee.sampling.contains("none claimed") && guarantee.sampling.contains("apart"));
        assert_eq!(world.finish(), Outcome::Completed);
        assert_eq!(world.kept, None, "{cohort:?}: the secret goes with the last round");
    }
}

#[test]
fn g17_a_restart_never_redraws_noise_and_a_lost_round_stays_charged_and_uses_its_place_up() {
    for cohort in ALL {
        for crashed in 0..6 {
            for (reached, fate) in [(0, Fate::Abandoned), (2, Fate::Spent), (9, Fate::Released)] {
                let mut world = World::new(small(cohort), 3);
                for _ in 0..crashed {
                    run_round(&mut world);
                }
                let working = open_and_ask(&mut world);
                for index in working {
                    world.upload(index, crashed);
                }
                if world.account().open_round().is_some() {
                    world.wait(Millis(WINDOW), true);
                }
                // In flight: the record and the spend; then the model and its release.
                if reached > 2 {
                    world.persist_one();
                    world.persist_one();
                }
                world.crash(reached);
                let spent = world.account().rounds_spent();
                assert_eq!(spent, if fate == Fate::Abandoned { crashed } else { crashed + 1 }, "{cohort:?}");
                // Round by round the reference compares the noise with that of the secret kept before the crash.
                assert_eq!(world.finish(), Outcome::Completed);
                assert_eq!(fates(&world.entries)[&crashed], fate);
                assert_eq!(forfeited(&world.entries), 0, "no secret was lost, so no round is");
            }
        }
    }
}

#[test]
fn without_its_secret_or_its_record_the_rest_of_a_block_is_given_up() {
    for cohort in ALL {
        for behind in 1..4 {
            for lost in 0..3 {
                let mut world = World::new(small(cohort), 5);
                (0..behind).for_each(|_| drop(run_round(&mut world)));
                let spent = world.account().epsilon_spent();
                match lost {
                    0 => world.crash_without_secret(0),
                    1 => world.crash_without_record(0, None),
                    _ => world.crash_without_record(0, Some(0)),
                }
                world.check_in(0);
                world.persist();
                assert_eq!(forfeited(&world.entries), small(cohort).block() - behind, "{cohort:?} {behind} {lost}");
                assert_eq!(world.account().epsilon_spent(), spent, "the block was charged, and stays so");
                assert_eq!(world.finish(), Outcome::Completed);
            }
        }
    }
}

#[test]
fn a_secret_whose_noise_this_program_would_derive_otherwise_is_given_up() {
    let mut world = World::new(turns(), 5);
    run_round(&mut world);
    let (block, kept) = world.kept.clone().unwrap();
    let mut bytes = kept.expose().to_vec();
    let end = bytes.len() - 32;
    bytes[end - 2] += 1;
    let checksum = Digest::of(&bytes[..end]);
    bytes[end..].copy_from_slice(checksum.as_bytes());
    // Of another version it is as good as none: the reference takes it for gone, too.
    world.kept = Some((block + 1, KeptSecret::new(bytes)));
    world.crash(0);
    world.check_in(0);
    world.persist();
    assert_eq!(forfeited(&world.entries), 5);
    assert_eq!(world.finish(), Outcome::Completed);
    assert_eq!(world.kept, None, "and destroyed");
}

#[test]
fn a_round_that_was_recorded_and_never_paid_for_leaves_its_devices_their_turn() {
    let mut world = World::new(turns(), 1);
    assert_eq!(open_and_ask(&mut world), [0, 1]);
    world.upload(0, 0);
    world.upload(1, 0);
    // The record is durable, the spend is not.
    world.crash(1);
    assert_eq!(fates(&world.entries)[&0], Fate::Open);
    assert_eq!(world.attendance.len(), 1);
    world.persist();
    assert_eq!(run_round(&mut world), [0, 1], "the same position, and it counts once");
    assert_eq!(run_round(&mut world), [2, 3]);
    run_round(&mut world);
    assert_eq!(run_round(&mut world), [0, 1]);
}

#[test]
fn where_it_is_nobodys_turn_a_round_opens_with_nobody_rather_than_never() {
    // A tree lets everybody take part once. Rounds that were recorded and interrupted use turns up.
    let mut world = World::new(Small { minimum_reports: 2, ..trees() }, 1);
    for _ in 0..20 {
        let round = world.last_opened();
        for index in open_and_ask(&mut world) {
            world.upload(index, world.last_opened());
        }
        assert!(round <= world.last_opened());
        world.crash(1);
        world.persist();
    }
    assert_eq!(world.account().rounds_spent(), 0);
    assert_eq!(world.attendance.len(), 20);
    run_round(&mut world);
    assert_eq!(world.allowed(), 0, "everybody was in some round of position 0, seed 1");
    let before = world.account().rounds_spent();
    assert!(run_round(&mut world).is_empty(), "nobody has work");
    assert!(world.account().rounds_spent() > before, "and the task goes on");
    assert_eq!(world.finish(), Outcome::Completed);
}

#[test]
fn a_record_that_does_not_fit_the_ledger_is_refused() {
    let mut world = World::new(turns(), 5);
    run_round(&mut world);
    run_round(&mut world);
    let start = |attendance: Vec<Attendance>| {
        let ledger = Ledger::replay(world.entries.clone()).unwrap();
        let (_, model) = ledger.account(&turns().schedule().hash()).unwrap().model().unwrap();
        let checkpoint = Some(world.checkpoints[&model].clone());
        let secret = world.kept.clone().map(|(_, secret)| secret);
        let stored = Stored { checkpoint, secret, attendance, pretrained: None };
        Coordinator::start(turns().schedule(), enrolled(), ledger, NoiseRng::seeded(9), stored)
    };
    assert!(start(world.attendance.clone()).is_ok());
    let beyond = Attendance { position: 3, round: 3, devices: Vec::new() };
    let swapped: Vec<Attendance> = world.attendance.iter().rev().cloned().collect();
    for wrong in [[world.attendance.clone(), vec![beyond]].concat(), swapped] {
        let refused = start(wrong).err().unwrap();
        assert!(matches!(refused, StartError::Attendance(_)), "{refused}");
        assert!(refused.to_string().contains("given up"), "{refused}");
    }
}
