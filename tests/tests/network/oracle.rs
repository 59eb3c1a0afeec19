//! What must hold, whatever happened: seen in the store that outlived everything, and in what devices were told.

use std::collections::{BTreeMap, BTreeSet};

use murmur_privacy::{Digest, Ledger, ledger::Record};
use murmur_round::{
    checkpoint::{read_manifest, read_model},
    coordinator::Verdict,
};
use murmur_server::store::{MemoryStore, Store as _};

use crate::{
    task::{DEVICES, POPULATION, ROUNDS, SHARE, schedule},
    world::Story,
};

/// Judges a store after the task's end.
///
/// # Errors
/// Whatever does not hold.
pub(crate) fn judge(kept: &MemoryStore, heard: &[(usize, u32, Verdict)]) -> Result<Story, String> {
    let entries = kept.clone().entries(POPULATION).map_err(|error| error.to_string())?;
    Ledger::replay(entries.clone()).map_err(|error| error.to_string())?;
    let mut spent = BTreeSet::new();
    let mut released: Vec<(u32, Digest)> = Vec::new();
    for entry in &entries {
        match &entry.record {
            Record::Spent { round, .. } if !spent.insert(*round) => {
                return Err(format!("round {round} was paid for twice"));
            }
            Record::Released { round, .. } if released.iter().any(|(known, _)| known == round) => {
                return Err(format!("round {round} was released twice"));
            }
            Record::Released { round, .. } if !spent.contains(round) => {
                return Err(format!("round {round} was released and never paid for"));
            }
            Record::Released { round, model, .. } => released.push((*round, *model)),
            _ => {}
        }
    }
    if spent.len() != ROUNDS {
        return Err(format!("{} rounds were paid for, not {ROUNDS}", spent.len()));
    }
    one_output_a_round(kept)?;
    let cohorts = cohorts(kept, &released)?;
    let mut told = BTreeSet::new();
    for (device, round, verdict) in heard {
        let counted = cohorts.get(round).map(|cohort| cohort.contains(device));
        match (verdict, counted) {
            (Verdict::Accepted, Some(true)) => {
                told.insert((device, round));
            }
            (Verdict::Accepted, Some(false)) => {
                return Err(format!("device {device} was told that round {round} counts it, and it is not in there"));
            }
            (Verdict::Refused(refusal), Some(true)) => {
                let refused = format!("device {device} was refused in round {round} ({refusal})");
                return Err(format!("{refused}, and it is in there"));
            }
            _ => {}
        }
    }
    let counted = cohorts.values().map(BTreeSet::len).sum();
    let (released, heard, told) = (released.len(), heard.len(), told.len());
    Ok(Story { released, lost: spent.len() - released, counted, heard, told, ..Story::default() })
}

/// Of all model files that were ever written, no two are of one round.
fn one_output_a_round(kept: &MemoryStore) -> Result<(), String> {
    let mut outputs: BTreeMap<Option<u32>, Digest> = BTreeMap::new();
    for (digest, checkpoint) in &kept.checkpoints {
        let manifest = read_manifest(&checkpoint.model).map_err(|error| error.to_string())?;
        if let Some(other) = outputs.insert(manifest.round, *digest) {
            return Err(format!("{digest} and {other} are both of round {:?}", manifest.round));
        }
    }
    Ok(())
}

/// Who is in each released round: every device's own parameter moved by its share, or not at all.
fn cohorts(kept: &MemoryStore, released: &[(u32, Digest)]) -> Result<BTreeMap<u32, BTreeSet<usize>>, String> {
    let layout = schedule().task().model.layout();
    let mut before = vec![0.0_f32; layout.dimension()];
    let mut cohorts = BTreeMap::new();
    for (round, digest) in released {
        let file = &kept.checkpoints.get(digest).ok_or(format!("the model of round {round} is gone"))?.model;
        let manifest = read_manifest(file).map_err(|error| error.to_string())?;
        if manifest.round != Some(*round) {
            return Err(format!("the ledger says round {round} of a model that says {:?}", manifest.round));
        }
        let after = read_model(file, layout.clone()).map_err(|error| error.to_string())?.values().to_vec();
        let mut cohort = BTreeSet::new();
        for (parameter, (before, after)) in before.iter().zip(&after).enumerate() {
            let moved = after - before;
            if moved == SHARE && parameter < DEVICES {
                cohort.insert(parameter);
            } else if moved != 0.0 {
                let times = moved / SHARE;
                return Err(format!("parameter {parameter} moved by {times} shares in round {round}"));
            }
        }
        cohorts.insert(*round, cohort);
        before = after;
    }
    Ok(cohorts)
}
