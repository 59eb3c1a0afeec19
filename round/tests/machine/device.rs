//! The device: each phase, what it refuses, and what it does when answers get lost or come at the wrong time.

use std::{collections::BTreeMap, sync::Arc};

use murmur_privacy::{Digest, Grid, Upload, units::Clip};
use murmur_round::{
    coordinator::{Assignment, Refusal, TurnedAway, Verdict},
    device::{Device, DeviceEffect, DeviceError, DeviceEvent},
    params::{Layout, ParameterShape, Params},
    participation::{NotYourTurn, Turn},
    plan::ShuffleSeed,
    proximal::AdaptiveProximal,
    task::{Purpose, Task},
    time::{Millis, Time},
};

use crate::{
    reference::{Fate, fates},
    tasks::{Cohort, DEVICES, Small, WINDOW, device, unit_delta},
    world::{Heard, World},
};

fn task() -> Arc<Task> {
    Arc::new(Small::exact(Cohort::All).task())
}

fn params() -> Arc<Params> {
    Arc::new(task().model.initial())
}

fn assignment() -> Assignment {
    let schedule = Small::exact(Cohort::All).schedule();
    Assignment {
        task: schedule.hash(),
        round: 3,
        position: 3,
        model: Digest::of(b"model"),
        grid: schedule.grid(),
        clip: schedule.task().privacy.clip,
        mu: None,
    }
}

/// The one thing the device asks for now.
fn asks(device: &mut Device) -> DeviceEffect {
    let effect = device.poll_effect().unwrap();
    assert!(device.poll_effect().is_none(), "one thing at a time");
    effect
}

fn takes(device: &mut Device, event: DeviceEvent) -> DeviceEffect {
    device.handle(Time(0), event).unwrap();
    asks(device)
}

/// A device that has asked for work.
fn asking() -> Device {
    let mut machine = Device::new(device(0));
    assert_eq!(machine.next_deadline(), Some(Time(0)), "it asks at once");
    assert!(matches!(takes(&mut machine, DeviceEvent::Tick), DeviceEffect::CheckIn));
    machine
}

fn fetching_task() -> Device {
    let mut machine = asking();
    let effect = takes(&mut machine, DeviceEvent::Assigned(assignment()));
    assert!(matches!(effect, DeviceEffect::FetchTask(hash) if hash == assignment().task));
    machine
}

fn fetching_model() -> Device {
    let mut machine = fetching_task();
    let effect = takes(&mut machine, DeviceEvent::Task(task()));
    assert!(matches!(effect, DeviceEffect::FetchModel(model) if model == assignment().model));
    machine
}

fn training() -> Device {
    let mut machine = fetching_model();
    let effect = takes(&mut machine, DeviceEvent::Model(params()));
    let DeviceEffect::Train { plan, seed, .. } = effect else { panic!("training was due") };
    assert_eq!(Some(&plan), task().plan());
    assert_eq!(seed, ShuffleSeed::derive(&assignment().task, 3, &device(0)), "the order is the round's own");
    machine
}

fn sending() -> (Device, Upload) {
    let mut machine = training();
    let DeviceEffect::Send { round: 3, upload, open_metrics: None } =
        takes(&mut machine, DeviceEvent::Trained { delta: unit_delta(0), metrics: None })
    else {
        panic!("sending was due")
    };
    (machine, upload)
}

fn rests(machine: &Device, until: u64) {
    assert_eq!(machine.next_deadline(), Some(Time(until)));
    assert!(!machine.is_finished());
}

#[test]
fn a_round_goes_from_asking_to_sending_and_begins_again() {
    let (mut machine, upload) = sending();
    assert_eq!(upload.grid(), assignment().grid);
    assert_eq!(machine.next_deadline(), None, "it waits for an answer, not for a time");
    machine.handle(Time(70), DeviceEvent::Answered(Verdict::Accepted)).unwrap();
    rests(&machine, 70);
    machine.handle(Time(70), DeviceEvent::Tick).unwrap();
    assert!(matches!(asks(&mut machine), DeviceEffect::CheckIn));
}

#[test]
fn the_same_work_gives_the_same_bytes() {
    let (first, second) = (sending().1.to_bytes(), sending().1.to_bytes());
    assert_eq!(first, second);
    assert_eq!(first.len(), Upload::encoded_len(&assignment().grid));
}

#[test]
fn a_device_that_is_sent_away_comes_back_when_it_was_told_to_and_not_before() {
    let mut machine = asking();
    let away = TurnedAway::ComeBack { after: Millis(300) };
    machine.handle(Time(50), DeviceEvent::TurnedAway(away)).unwrap();
    rests(&machine, 350);
    machine.handle(Time(349), DeviceEvent::Tick).unwrap();
    assert!(machine.poll_effect().is_none(), "too early");
    machine.handle(Time(350), DeviceEvent::Tick).unwrap();
    assert!(matches!(asks(&mut machine), DeviceEffect::CheckIn));
    machine.handle(Time(350), DeviceEvent::Tick).unwrap();
    assert!(machine.poll_effect().is_none(), "it asked already");
}

#[test]
fn the_end_is_the_end_whatever_comes_after_it() {
    for reason in [TurnedAway::Finished, TurnedAway::NotEnrolled] {
        let mut machine = asking();
        machine.handle(Time(1), DeviceEvent::TurnedAway(reason)).unwrap();
        for event in [
            DeviceEvent::Tick,
            DeviceEvent::Failed,
            DeviceEvent::Assigned(assignment()),
            DeviceEvent::Answered(Verdict::Accepted),
        ] {
            machine.handle(Time(99), event).unwrap();
            assert!(machine.is_finished() && machine.poll_effect().is_none() && machine.next_deadline().is_none());
        }
    }
}

#[test]
fn a_failure_before_the_update_is_sent_withdraws_and_rests() {
    for mut machine in [fetching_task(), fetching_model(), training()] {
        machine.handle(Time(10), DeviceEvent::Failed).unwrap();
        assert!(matches!(asks(&mut machine), DeviceEffect::Withdraw { round: 3 }));
        rests(&machine, 1_010);
    }
}

#[test]
fn a_failure_while_asking_or_after_sending_only_rests() {
    // Whether the upload arrived is not known: withdrawing could not take it back.
    for mut machine in [asking(), sending().0] {
        machine.handle(Time(10), DeviceEvent::Failed).unwrap();
        assert!(machine.poll_effect().is_none());
        rests(&machine, 1_010);
    }
}

#[test]
fn a_grid_that_lets_more_through_than_the_clip_is_refused_and_withdrawn_from() {
    let wide = Grid::fit(Clip::new(1.5).unwrap(), DEVICES).unwrap();
    let mut machine = asking();
    machine.handle(Time(0), DeviceEvent::Assigned(Assignment { grid: wide, ..assignment() })).unwrap();
    machine.poll_effect();
    let refused = machine.handle(Time(5), DeviceEvent::Task(task())).unwrap_err();
    assert!(matches!(refused, DeviceError::GridAboveClip { bound, clip } if bound > 1.4 && clip == 1.0), "{refused}");
    assert!(matches!(asks(&mut machine), DeviceEffect::Withdraw { round: 3 }));
    rests(&machine, 5);
}

#[test]
fn a_grid_or_a_model_of_another_size_is_refused_and_withdrawn_from() {
    let long = Grid::fit(Clip::new(1.0).unwrap(), DEVICES + 1).unwrap();
    let mut machine = asking();
    machine.handle(Time(0), DeviceEvent::Assigned(Assignment { grid: long, ..assignment() })).unwrap();
    machine.poll_effect();
    let refused = machine.handle(Time(5), DeviceEvent::Task(task())).unwrap_err();
    assert_eq!(refused, DeviceError::Dimension { expected: DEVICES, found: DEVICES + 1 });
    assert!(matches!(asks(&mut machine), DeviceEffect::Withdraw { round: 3 }));

    let mut machine = fetching_model();
    let layout = Layout::new(vec![ParameterShape { name: "w".into(), shape: vec![3] }]);
    let refused = machine.handle(Time(5), DeviceEvent::Model(Arc::new(Params::zeros(layout)))).unwrap_err();
    assert_eq!(refused, DeviceError::Dimension { expected: DEVICES, found: 3 });
    assert!(matches!(asks(&mut machine), DeviceEffect::Withdraw { round: 3 }));
    rests(&machine, 5);
}

#[test]
fn answers_that_nobody_asked_for_are_refused_and_cost_no_work() {
    let events: [fn() -> DeviceEvent; 4] = [
        || DeviceEvent::Assigned(Assignment { round: 9, ..assignment() }),
        || DeviceEvent::TurnedAway(TurnedAway::Finished),
        || DeviceEvent::Answered(Verdict::Refused(Refusal::RoundClosed)),
        || DeviceEvent::Task(task()),
    ];
    for event in events {
        // Round 9 is not the round it works for: a stale or repeated assignment does not replace the one at hand.
        let mut machine = training();
        assert_eq!(machine.handle(Time(7), event()).unwrap_err(), DeviceError::Unexpected);
        assert!(machine.poll_effect().is_none());
        let effect = takes(&mut machine, DeviceEvent::Trained { delta: unit_delta(0), metrics: None });
        assert!(matches!(effect, DeviceEffect::Send { round: 3, .. }), "the work at hand goes on");
    }
}

/// Lets a device and a coordinator talk until the device has nothing to ask; `lost` answers to uploads get lost.
fn talk(machine: &mut Device, index: usize, world: &mut World, lost: bool) {
    let now = world.now;
    while let Some(effect) = machine.poll_effect() {
        let event = match effect {
            DeviceEffect::CheckIn => match world.check_in(index) {
                Heard::Assigned(work) => DeviceEvent::Assigned(work),
                Heard::TurnedAway(reason) => DeviceEvent::TurnedAway(reason),
                Heard::Answer(..) => panic!("not asked"),
            },
            DeviceEffect::FetchTask(_) => DeviceEvent::Task(task()),
            DeviceEffect::FetchModel(_) => DeviceEvent::Model(params()),
            DeviceEffect::Train { .. } => DeviceEvent::Trained { delta: unit_delta(index), metrics: None },
            DeviceEffect::Send { round, .. } => {
                let verdict = world.upload(index, round);
                if lost { DeviceEvent::Failed } else { DeviceEvent::Answered(verdict) }
            }
            DeviceEffect::Withdraw { round } => {
                world.withdraw(index, round);
                continue;
            }
            DeviceEffect::Measure { .. } => panic!("nothing is measured here"),
            DeviceEffect::RecallOwn { .. } | DeviceEffect::KeepOwn { .. } => {
                panic!("nobody has layers of its own here")
            }
            DeviceEffect::Keep { .. } | DeviceEffect::Recall { .. } => panic!("nothing is randomised here"),
            DeviceEffect::Remember { .. } => continue,
        };
        machine.handle(now, event).unwrap();
    }
}

#[test]
fn a_device_whose_answer_was_lost_asks_again_and_is_counted_once() {
    let mut world = World::new(Small { minimum_reports: 8, ..Small::exact(Cohort::All) }, 1);
    for index in 0..DEVICES {
        world.check_in(index);
    }
    world.persist();
    let mut machines: Vec<Device> = (0..DEVICES).map(|index| Device::new(device(index))).collect();
    for _ in 0..3 {
        for (index, machine) in machines.iter_mut().enumerate().take(DEVICES - 1) {
            machine.handle(world.now, DeviceEvent::Tick).unwrap();
            talk(machine, index, &mut world, true);
        }
        world.wait(Millis(WINDOW / 4), true);
    }
    assert_eq!(fates(&world.entries)[&0], Fate::Open, "the last device is waited for");
    let last = &mut machines[DEVICES - 1];
    last.handle(world.now, DeviceEvent::Tick).unwrap();
    // That every unit is in the model once is checked when it is stored.
    talk(last, DEVICES - 1, &mut world, false);
    world.persist();
    assert_eq!(fates(&world.entries)[&0], Fate::Released);
}

/// Bands over six rounds; a device takes part twice at most, three rounds apart.
fn limited() -> Small {
    Small { rounds: 6, noise: Some((2.0, 100.0)), ..Small::exact(Cohort::Turns) }
}

fn limited_assignment(position: u32) -> Assignment {
    let schedule = limited().schedule();
    let (task, grid, clip) = (schedule.hash(), schedule.grid(), schedule.task().privacy.clip);
    // Numbers of abandoned rounds make numbers larger than positions.
    Assignment { task, round: position + 4, position, model: Digest::of(b"model"), grid, clip, mu: None }
}

/// Offers work at this position, and lets the device carry it out if it takes it.
fn offered(machine: &mut Device, position: u32) -> Result<Vec<DeviceEffect>, DeviceError> {
    let now = machine.next_deadline().unwrap();
    machine.handle(now, DeviceEvent::Tick)?;
    assert!(matches!(asks(machine), DeviceEffect::CheckIn));
    machine.handle(now, DeviceEvent::Assigned(limited_assignment(position)))?;
    assert!(matches!(asks(machine), DeviceEffect::FetchTask(_)));
    machine.handle(now, DeviceEvent::Task(Arc::new(limited().task())))?;
    assert!(matches!(asks(machine), DeviceEffect::FetchModel(_)));
    machine.handle(now, DeviceEvent::Model(params()))?;
    assert!(matches!(asks(machine), DeviceEffect::Train { .. }));
    machine.handle(now, DeviceEvent::Trained { delta: unit_delta(0), metrics: None })?;
    let effects = std::iter::from_fn(|| machine.poll_effect()).collect();
    machine.handle(now, DeviceEvent::Answered(Verdict::Accepted))?;
    Ok(effects)
}

#[test]
fn a_device_remembers_its_turn_before_it_sends_and_refuses_what_the_task_does_not_promise() {
    let task = limited().schedule().hash();
    let mut machine = Device::new(device(0));
    let effects = offered(&mut machine, 1).unwrap();
    let turn = Turn { position: 1, in_block: 1 };
    assert!(
        matches!(effects[..], [DeviceEffect::Remember { task: of, turn: kept }, DeviceEffect::Send { round: 5, .. }]
        if of == task && kept == turn)
    );
    let refusal = |machine: &mut Device, position| {
        let refused = offered(machine, position).err().unwrap();
        assert!(matches!(asks(machine), DeviceEffect::Withdraw { round } if round == position + 4));
        assert!(machine.next_deadline() > Some(Time(0)) && refused.passes(), "it rests, and asks again");
        refused
    };
    let too_soon = NotYourTurn::TooSoon { position: 3, last: 1, separation: 3 };
    assert_eq!(refusal(&mut machine, 3), DeviceError::NotYourTurn(too_soon));
    assert_eq!(refusal(&mut machine, 0), DeviceError::NotYourTurn(NotYourTurn::Back { position: 0, last: 1 }));
    assert_eq!(machine.turns(), &BTreeMap::from([(task, turn)]), "a refusal changes nothing");
    // The round was abandoned: its position comes again, and counts once.
    offered(&mut machine, 1).unwrap();
    assert_eq!(machine.turns()[&task], turn);
    // A new process remembers.
    let mut machine = Device::restored(device(0), machine.turns().clone());
    assert_eq!(refusal(&mut machine, 3), DeviceError::NotYourTurn(too_soon));
    offered(&mut machine, 4).unwrap();
    assert_eq!(machine.turns()[&task], Turn { position: 4, in_block: 2 });
    // In a longer run of the same task the device would have used its turns up.
    let rule = limited().task().turn_rule().unwrap();
    assert_eq!(rule.limits.participations.get(), 2);
}

#[test]
fn a_device_keeps_no_turns_in_tasks_that_do_not_limit_them() {
    let (machine, _) = sending();
    assert!(machine.turns().is_empty());
}

#[test]
fn the_pull_of_a_round_is_followed_where_the_task_says_that_it_adapts() {
    let trains = |task: Task, mu: Option<f32>| {
        let hash = task.hash().unwrap();
        let mut machine = asking();
        takes(&mut machine, DeviceEvent::Assigned(Assignment { task: hash, mu, ..assignment() }));
        takes(&mut machine, DeviceEvent::Task(Arc::new(task)));
        let DeviceEffect::Train { plan, .. } = takes(&mut machine, DeviceEvent::Model(params())) else {
            panic!("training was due")
        };
        plan.proximal
    };
    let plain = Task::clone(&task());
    assert_eq!(trains(plain.clone(), Some(0.5)), None, "nobody asked for a pull");
    let mut adapts = plain;
    let Purpose::Train { plan, .. } = &mut adapts.purpose else { panic!("it trains") };
    plan.adaptive_proximal = Some(AdaptiveProximal { start: 0.0, step: 0.1, patience: 5 });
    assert_eq!(trains(adapts.clone(), Some(0.5)), Some(0.5));
    assert_eq!(trains(adapts, Some(0.0)), None);
}
