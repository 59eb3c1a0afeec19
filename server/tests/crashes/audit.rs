//! What must hold of a data directory, whatever died over it.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use murmur_privacy::{
    Digest, Ledger,
    ledger::{Entry, Record},
};
use murmur_round::{
    checkpoint::{read_manifest, read_model},
    model::ModelSpec,
    params::{Layout, Params},
};

use crate::{fleet::Fleet, trial::Kind};

/// What the ledger says of one round.
#[derive(Default, Debug)]
struct Round {
    opened: u32,
    spent: u32,
    released: Vec<Digest>,
    abandoned: u32,
}

pub(crate) fn audit(data: &Path, entries: &[Entry], kind: Kind, fleet: &Fleet) {
    if entries.is_empty() {
        return;
    }
    Ledger::replay(entries.to_vec()).expect("a ledger that follows its rules");
    let mut rounds: BTreeMap<u32, Round> = BTreeMap::new();
    for entry in entries {
        match entry.record {
            Record::RoundOpened { round, .. } => rounds.entry(round).or_default().opened += 1,
            Record::Spent { round, .. } => rounds.entry(round).or_default().spent += 1,
            Record::Released { round, model, .. } => rounds.entry(round).or_default().released.push(model),
            Record::Abandoned { round, .. } => rounds.entry(round).or_default().abandoned += 1,
            _ => {}
        }
    }
    // Released, lost after its spend, or given up before it; the last one may be under way.
    let last = rounds.keys().next_back().copied();
    for (number, round) in &rounds {
        let Round { opened, spent, released, abandoned } = round;
        assert_eq!(*opened, 1, "round {number}: {round:?}");
        assert!(spent + abandoned <= 1 && released.len() as u32 <= *spent, "round {number}: {round:?}");
        assert!(spent + abandoned == 1 || Some(*number) == last, "round {number} is neither paid for nor given up");
    }
    let outputs = outputs(data);
    for (round, models) in &outputs {
        assert_eq!(models.len(), 1, "round {round:?} has several outputs");
        if let Some(round) = round {
            assert_eq!(rounds[round].spent, 1, "round {round} has an output and is not paid for");
        }
    }
    for (number, round) in &rounds {
        for model in &round.released {
            assert!(outputs[&Some(*number)].contains(model), "round {number}: what was released is not there");
        }
    }
    if kind == Kind::Counted {
        counted(data, &rounds, fleet);
    }
}

/// All models ever written, released or not, by the round that they say they are of.
fn outputs(data: &Path) -> BTreeMap<Option<u32>, BTreeSet<Digest>> {
    let mut outputs: BTreeMap<_, BTreeSet<_>> = BTreeMap::new();
    for file in fs::read_dir(data.join("models")).unwrap() {
        let path = file.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        // The optimiser's state lies beside each; a part is nobody's yet.
        if name.contains("optimizer") || name.ends_with(".part") {
            continue;
        }
        let bytes = fs::read(&path).unwrap();
        let digest = Digest::of(&bytes);
        assert_eq!(name, format!("{digest}.safetensors"), "a file is what it is called");
        outputs.entry(read_manifest(&bytes).unwrap().round).or_default().insert(digest);
    }
    outputs
}

/// Without noise a model moves by one unit in the coordinate of every device that was counted, and by nothing else.
fn counted(data: &Path, rounds: &BTreeMap<u32, Round>, fleet: &Fleet) {
    let accepted = fleet.accepted.lock().unwrap().clone();
    let Some(initial) = outputs(data).remove(&None).and_then(|mut models| models.pop_first()) else {
        return assert!(rounds.is_empty(), "rounds without an initial model");
    };
    let mut before = params(data, &initial);
    // What one device moves its coordinate by: the clip over the expected cohort of two.
    let unit = 0.5;
    for (number, round) in rounds {
        for ((_, device), times) in accepted.range((*number, 0)..(*number + 1, 0)) {
            assert_eq!(*times, 1, "device {device} was told ACCEPTED once in round {number}");
        }
        let Some(model) = round.released.first() else { continue };
        let after = params(data, model);
        for (coordinate, (after, before)) in after.values().iter().zip(before.values()).enumerate() {
            let moved = f64::from((after - before).abs()) / unit;
            let times = moved.round();
            assert!((moved - times).abs() < 0.05, "round {number}, coordinate {coordinate}: {moved}");
            assert!(times <= 1.0, "round {number}: device {coordinate} is in it {times} times");
            if accepted.contains_key(&(*number, coordinate)) {
                assert!(times == 1.0, "round {number}: device {coordinate} was ACCEPTED and is not in it");
            }
        }
        before = after;
    }
}

fn params(data: &Path, model: &Digest) -> Params {
    let bytes = fs::read(data.join(format!("models/{model}.safetensors"))).unwrap();
    read_model(&bytes, layout()).unwrap()
}

fn layout() -> Layout {
    let model: ModelSpec = serde_json::from_str(r#"{ "kind": "linear", "input": [1, 2, 2], "classes": 2 }"#).unwrap();
    model.layout()
}
