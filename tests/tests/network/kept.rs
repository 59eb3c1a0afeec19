//! Sequences with a name. No seed has failed yet on the server as it stands; when one does, its shrunk sequence belongs here.

use crate::{
    medium::Fuse,
    operation::Operation::{Crash, DieAt, EatReplies, EatRequests, Heal, Hold, Partition, Wait},
    task::{DEVICES, ROUNDS},
    tried,
    world::Story,
};

fn story(operations: &[crate::operation::Operation]) -> Story {
    tried(1, operations).unwrap()
}

#[test]
fn at_whatever_moment_the_answers_to_a_device_are_lost_it_counts_once_or_not_at_all() {
    let mut missed = 0;
    for moment in (0..1_000).step_by(50) {
        let story = story(&[Wait(moment), EatReplies(0), EatReplies(1), Wait(3_000), Heal(0), Heal(1)]);
        assert_eq!((story.released, story.lost), (ROUNDS, 0), "{moment}");
        missed += ROUNDS * DEVICES - story.counted;
    }
    assert!(missed > 0, "whoever had no work yet when its answers were lost missed a round");
}

#[test]
fn a_device_that_cannot_be_reached_is_missing_and_nobody_waits_for_it_beyond_the_window() {
    let cut_off = [Partition(0), EatRequests(1), Hold(2), EatReplies(3), Wait(60_000)];
    let story = story(&cut_off);
    assert_eq!((story.released, story.lost), (ROUNDS, 0));
    assert!(story.counted < ROUNDS * DEVICES, "{story:?}");
}

#[test]
fn a_server_that_dies_while_updates_come_in_counts_none_of_them_and_pays_for_nothing() {
    let story = story(&[Wait(150), Crash(200), Wait(400), Crash(200), Wait(500), Crash(1_000)]);
    assert_eq!((story.released, story.lost, story.processes), (ROUNDS, 0, 4));
}

#[test]
fn a_server_that_dies_between_payment_and_release_loses_that_round_and_no_other() {
    let mut lost = 0;
    for steps in 0..20 {
        for takes_hold in [false, true] {
            let story = story(&[DieAt(Fuse { steps, takes_hold }), Wait(30_000)]);
            assert_eq!((story.released + story.lost, story.processes), (ROUNDS, 2), "{steps} {takes_hold}");
            assert!(story.lost <= 1, "{steps} {takes_hold}: {story:?}");
            lost += story.lost;
        }
    }
    assert!(lost > 0, "no death was between a payment and its release");
}
