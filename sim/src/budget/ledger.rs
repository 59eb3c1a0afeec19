//! `budget ledger`: verifies a chain and recomputes what was spent.

use std::{fmt::Write as _, path::Path};

use murmur_privacy::{
    DpEvent, Ledger, Provenance,
    accountant::{PldAccountant, Prices},
    ledger::{Entry, LedgerError, Record},
    units::{DeltaProbability, Epsilon},
};
use murmur_round::guarantee::TRUST;
use serde::Serialize;
use serde_json::json;

use crate::report;

use super::{Answer, BudgetError, LedgerArguments, downward, upward};

/// One task's account, recomputed.
#[derive(Debug, Serialize)]
struct Task {
    task: String,
    /// Loss of the rounds that were paid for.
    epsilon: Epsilon,
    delta: DeltaProbability,
    /// Who prices them today.
    accountant: &'static str,
    /// Loss of the whole schedule: what is set aside.
    reserved: Epsilon,
    /// Delta that is set aside.
    reserved_delta: DeltaProbability,
    /// Who priced it when it was set aside.
    reserved_by: String,
    budget: Epsilon,
    rounds: u32,
    rounds_affordable: u32,
    rounds_scheduled: u32,
    devices: u64,
}

pub(super) fn answer(arguments: &LedgerArguments) -> Result<Answer, BudgetError> {
    let path = arguments.file.as_path();
    let bytes = std::fs::read(path).map_err(|cause| BudgetError::File { path: path.to_owned(), cause })?;
    let (entries, torn) = read(&bytes).map_err(|(entry, cause)| broken(path, entry, cause))?;
    let ledger = Ledger::replay(entries.iter().cloned()).map_err(|cause| first_broken(path, &entries, cause))?;
    if let Some(report) = &arguments.report {
        let html = report::ledger(&ledger, &entries, arguments.delta)?;
        std::fs::write(report, html).map_err(|cause| BudgetError::File { path: report.clone(), cause })?;
    }
    let (tasks, events) = accounts(&ledger, &entries, arguments.delta).map_err(|cause| broken(path, 0, cause))?;
    let spent = tasks.iter().filter(|task| task.rounds > 0);
    let epsilon = spent.clone().fold(Epsilon::ZERO, |sum, task| sum.plus(task.epsilon));
    // Deltas add like epsilons, rounded up.
    let delta =
        spent.fold(Epsilon::ZERO, |sum, task| sum.plus(Epsilon::new(task.delta.get()).unwrap_or(Epsilon::INFINITE)));
    let whole = DpEvent::Composed { of: events };
    let lower = DeltaProbability::new(delta.get()).ok().and_then(|delta| PldAccountant.bounds(&whole, delta).ok());
    let lower = lower.map(|bounds| if bounds.lower < epsilon { bounds.lower } else { epsilon });
    let accountant = match tasks.as_slice() {
        [task] => task.accountant,
        _ => "basic composition over tasks",
    };
    let (opening, (reserved, reserved_delta), (left, left_delta)) =
        (ledger.opening(), ledger.reserved(), ledger.remaining());
    let mut text = format!(
        "{}: the chain of {} entries holds\n  head        {}\n  population  {}\n",
        path.display(),
        ledger.length(),
        ledger.head(),
        opening.population
    );
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  spent       epsilon {} at delta {:e} ({accountant})", upward(epsilon.get()), delta.get());
    if let Some(lower) = lower.filter(|lower| lower.is_finite()) {
        let _ = writeln!(
            text,
            "  lower       {}: no sound accountant claims less for what was spent",
            downward(lower.get())
        );
    }
    let _ = writeln!(text, "  reserved    epsilon {} at delta {reserved_delta:e}", upward(reserved.get()));
    let _ = writeln!(text, "  budget      epsilon {} at delta {:e}", opening.epsilon, opening.delta.get());
    let rest = if left.is_finite() { downward(left.get()) } else { "infinite".to_owned() };
    let _ = writeln!(text, "  remaining   epsilon {rest} at delta {left_delta:e}");
    let _ =
        writeln!(text, "  unit        one device: all its data, all its rounds\n  relation    {}", opening.relation);
    let _ = write!(text, "  adversary   {TRUST}");
    for task in &tasks {
        let _ = write!(
            text,
            "\ntask {}\n  spent       epsilon {} at delta {:e} ({}), {} rounds\n  reserved    epsilon {} of a budget of {} (by {}), {} of {} rounds",
            task.task,
            upward(task.epsilon.get()),
            task.delta.get(),
            task.accountant,
            task.rounds,
            upward(task.reserved.get()),
            task.budget,
            task.reserved_by,
            task.rounds_affordable,
            task.rounds_scheduled,
        );
    }
    if torn {
        text.push_str("\nthe last line does not end: it was never confirmed to anybody and is not counted");
    }
    if let Some(report) = &arguments.report {
        let _ = write!(text, "\ndrawn in {}", report.display());
    }
    if ledger.provenance() == Provenance::Simulated {
        text.push_str("\nSIMULATED: the noise was seeded and protected nobody");
    }
    let json = json!({
        "question": "ledger",
        "verified": true,
        "epsilon": epsilon,
        "delta": delta.get(),
        "accountant": accountant,
        "relation": opening.relation,
        "unit": opening.unit,
        "lower": lower,
        "upper": epsilon,
        "population": opening.population,
        "provenance": opening.provenance,
        "entries": ledger.length(),
        "head": ledger.head().to_string(),
        "last_line_incomplete": torn,
        "budget": { "epsilon": opening.epsilon, "delta": opening.delta },
        "reserved": { "epsilon": reserved, "delta": reserved_delta },
        "remaining": { "epsilon": left, "delta": left_delta },
        "tasks": tasks,
        "report": arguments.report,
    });
    Ok(Answer { json, text })
}

/// The entries, and whether a line follows them that was never finished.
fn read(bytes: &[u8]) -> Result<(Vec<Entry>, bool), (u64, LedgerError)> {
    let mut lines: Vec<&[u8]> = bytes.split(|byte| *byte == b'\n').collect();
    let torn = lines.pop().is_some_and(|rest| !rest.is_empty());
    let entry = |(index, line): (u64, &[u8])| {
        let line = std::str::from_utf8(line).map_err(|_| (index, LedgerError::Corrupt { index }))?;
        Entry::from_line(index, line).map_err(|cause| (index, cause))
    };
    let entries: Result<Vec<Entry>, _> = (0..).zip(lines).map(entry).collect();
    Ok((entries?, torn))
}

/// Every task's account in the order of their reservations, and what it spent as events.
fn accounts(
    ledger: &Ledger,
    entries: &[Entry],
    delta: Option<DeltaProbability>,
) -> Result<(Vec<Task>, Vec<DpEvent>), LedgerError> {
    let (mut tasks, mut events) = (Vec::new(), Vec::new());
    for entry in entries {
        let Record::Reserved(reservation) = &entry.record else { continue };
        let rounds = ledger.account(&reservation.task)?.rounds_spent();
        let delta = delta.unwrap_or(reservation.delta);
        let prices = Prices::of(&reservation.round_event, reservation.rounds, delta)?;
        if rounds > 0 {
            events.push(reservation.round_event.clone().repeated(rounds));
        }
        tasks.push(Task {
            task: reservation.task.to_string(),
            epsilon: prices.after(rounds),
            delta,
            accountant: prices.accountant(),
            reserved: reservation.epsilon,
            reserved_delta: reservation.delta,
            reserved_by: reservation.accountant.clone(),
            budget: reservation.limit,
            rounds,
            rounds_affordable: reservation.affordable,
            rounds_scheduled: reservation.rounds,
            devices: reservation.devices,
        });
    }
    Ok((tasks, events))
}

/// Names the entry at which a replay fails: the last one of the shortest beginning of the chain that does not hold.
fn first_broken(path: &Path, entries: &[Entry], cause: LedgerError) -> BudgetError {
    let (mut holds, mut fails, mut cause) = (0, entries.len().max(1), cause);
    while fails - holds > 1 {
        let middle = holds + (fails - holds) / 2;
        match Ledger::replay(entries.iter().take(middle).cloned()) {
            Ok(_) => holds = middle,
            Err(error) => (fails, cause) = (middle, error),
        }
    }
    broken(path, fails as u64 - 1, cause)
}

fn broken(path: &Path, entry: u64, cause: LedgerError) -> BudgetError {
    BudgetError::Ledger { path: path.to_owned(), entry, cause }
}
