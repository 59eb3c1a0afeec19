//! `ledger show`: the rounds that were charged.

use std::{
    collections::BTreeMap,
    io::{self, BufWriter, Write},
};

use anyhow::Result;
use murmur_privacy::{
    Digest, Ledger,
    ledger::{Entry, Record},
};
use serde::Serialize;
use serde_json::{Value, json};

/// A round that was charged.
#[derive(Debug, Serialize)]
struct Charged<'a> {
    population: &'a str,
    /// Its place in the population's ledger.
    index: u64,
    task: Digest,
    round: u32,
    /// What the charge released; none for a round that was lost, or whose release is under way.
    model: Option<Digest>,
}

/// Shows every round that was charged, and what each ledger promises in all.
pub(super) fn show(ledgers: &[(String, Vec<Entry>)], json: bool) -> Result<()> {
    let (mut charged, mut populations) = (Vec::new(), Vec::new());
    for (population, entries) in ledgers {
        let mut released: BTreeMap<(Digest, u32), Digest> = BTreeMap::new();
        let mut tasks = Vec::new();
        for entry in entries {
            match &entry.record {
                Record::Released { task, round, model } => drop(released.insert((*task, *round), *model)),
                Record::Reserved(reservation) => tasks.push(reservation.task),
                _ => {}
            }
        }
        for entry in entries {
            if let Record::Spent { task, round, .. } = &entry.record {
                let model = released.get(&(*task, *round)).copied();
                charged.push(Charged { population, index: entry.index, task: *task, round: *round, model });
            }
        }
        populations.push(summary(population, Ledger::replay(entries.clone())?, &tasks)?);
    }
    let mut out = BufWriter::new(io::stdout().lock());
    if json {
        writeln!(out, "{}", json!({ "entries": charged, "populations": populations }))?;
        return Ok(out.flush()?);
    }
    for Charged { population, index, task, round, model } in &charged {
        let model = model.map_or("not released".to_owned(), |model| format!("model {model}"));
        writeln!(out, "{population} {index}  task {task}  round {round}  {model}")?;
    }
    for one in &populations {
        let text = |key: &str| one[key].as_str().map_or_else(|| one[key].to_string(), str::to_owned);
        let [population, epsilon, delta, reserved, simulated] =
            ["population", "epsilon", "delta", "reserved_epsilon", "simulated"].map(text);
        let seeded = if simulated == "true" { "  SIMULATED: it protects nobody" } else { "" };
        writeln!(out, "population {population}: epsilon {reserved} of {epsilon} reserved, delta {delta}{seeded}")?;
    }
    Ok(out.flush()?)
}

fn summary(population: &str, ledger: Ledger, tasks: &[Digest]) -> Result<Value> {
    let opening = ledger.opening();
    let ((reserved, reserved_delta), (left, _)) = (ledger.reserved(), ledger.remaining());
    let of_task = |task: &Digest| {
        let account = ledger.account(task)?;
        let reservation = account.reservation();
        Ok(json!({
            "task": task, "reserved_epsilon": reservation.epsilon, "delta": reservation.delta, "accountant": reservation.accountant,
            "epsilon_spent": account.epsilon_spent(), "rounds_paid": account.rounds_spent(),
        }))
    };
    Ok(json!({
        "population": population, "epsilon": opening.epsilon, "delta": opening.delta, "relation": opening.relation.to_string(),
        "reserved_epsilon": reserved, "reserved_delta": reserved_delta, "left_epsilon": left,
        "simulated": opening.provenance == murmur_privacy::Provenance::Simulated,
        "head": ledger.head(), "tasks": tasks.iter().map(of_task).collect::<Result<Vec<_>>>()?,
    }))
}
