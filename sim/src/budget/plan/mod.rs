//! `budget plan`: what each size of cohort needs, and what it costs.

mod allocation;
mod plot;
mod row;

use std::fmt::Write as _;

use murmur_privacy::{Relation, ledger::Unit, units::Epsilon};
use murmur_round::guarantee::TRUST;
use serde_json::{Value, json};

use super::{Answer, BudgetError, PlanArguments, upward};
use row::{Row, cohorts};

pub(super) fn answer(arguments: &PlanArguments) -> Result<Answer, BudgetError> {
    let PlanArguments { population, delta, .. } = *arguments;
    let limit = 1.0 / population.get() as f64;
    if delta.get() >= limit {
        return Err(BudgetError::DeltaTooLarge { delta: delta.get(), population: population.get(), limit });
    }
    let rows: Result<Vec<Row>, _> = cohorts(population).into_iter().map(|cohort| Row::of(arguments, cohort)).collect();
    let rows = rows?;
    if let Some(path) = &arguments.plot {
        plot::draw(path, arguments, &rows)?;
    }
    Ok(Answer { json: object(arguments, &rows), text: text(arguments, &rows) })
}

fn object(arguments: &PlanArguments, rows: &[Row]) -> Value {
    let PlanArguments { population, epsilon, delta, rounds, clip, parameters, accountant, plot, .. } = arguments;
    // What holds whichever row is chosen.
    let upper =
        rows.iter().map(|row| row.claim.epsilon).fold(Epsilon::ZERO, |all, next| if next > all { next } else { all });
    let lower = rows.iter().map(|row| row.claim.lower).reduce(|all, next| match (all, next) {
        (Some(all), Some(next)) => Some(if next < all { next } else { all }),
        _ => None,
    });
    json!({
        "question": "plan",
        "epsilon": upper,
        "delta": delta,
        "accountant": accountant.name(),
        "relation": Relation::ZeroOut,
        "unit": Unit::Device,
        "lower": lower.flatten(),
        "upper": upper,
        "target": epsilon,
        "population": population,
        "rounds": rounds,
        "clip": clip,
        "parameters": parameters,
        "plot": plot,
        "rows": rows,
    })
}

fn text(arguments: &PlanArguments, rows: &[Row]) -> String {
    let PlanArguments { population, epsilon, delta, rounds, clip, parameters, accountant, plot, .. } = arguments;
    let mut text = format!(
        "epsilon {epsilon} at delta {:e} over {rounds} rounds among {population} devices:\n\
         {:>9} {:>9} {:>11} {:>12} {:>14} {:>12} {:>12}  {}\n",
        delta.get(),
        "cohort",
        "rate",
        "multiplier",
        if clip.is_some() { "noise" } else { "noise/clip" },
        "participations",
        "down",
        "up at most",
        "by random allocation",
    );
    for row in rows {
        let allocated = row.allocation.as_ref().map_or("-".to_owned(), |allocated| {
            format!("{} with {} of {rounds} rounds each", upward(allocated.noise_multiplier.get()), allocated.selected)
        });
        // Writing to a String cannot fail.
        let _ = writeln!(
            text,
            "{:>9} {:>9.3e} {:>11} {:>12.3e} {:>14} {:>12} {:>12}  {allocated}",
            row.cohort,
            row.sampling_rate.get(),
            upward(row.noise_multiplier.get()),
            row.noise.unwrap_or(row.noise_over_clip),
            row.participations,
            bytes(row.traffic.down),
            bytes(row.traffic.up_at_most),
        );
    }
    text.push_str("  cohort      devices expected in a round, and the constant by which its sum is divided\n");
    text.push_str("  multiplier  standard deviation of the noise on a sum, over the clip\n");
    text.push_str(match clip {
        Some(_) => {
            "  noise       standard deviation of the noise on a coordinate of the average, in units of the parameters\n"
        }
        None => "  noise/clip  standard deviation of the noise on a coordinate of the average, over the clip\n",
    });
    text.push_str(match (parameters, clip) {
        (None, _) => "  down, up    bytes for each parameter of the model (--parameters P tells them for a model)\n",
        (Some(_), None) => "  down, up    bytes of models and uploads in all rounds, for the least favourable clip\n",
        (Some(_), Some(_)) => "  down, up    bytes of models and uploads in all rounds\n",
    });
    let _ = write!(
        text,
        "  unit        one device: all its data, all its rounds\n  relation    {}\n  accountant  {}\n  sampling    Poisson: the \
         coordinator includes each enrolled device by an independent secret coin of the row's rate;\n              by random \
         allocation: it assigns each device its secret rounds before the first\n  adversary   {TRUST}",
        Relation::ZeroOut,
        accountant.name(),
    );
    if let Some(plot) = plot {
        let _ = write!(text, "\n  drawn in    {}", plot.display());
    }
    text
}

/// A number of bytes in decimal units.
fn bytes(number: f64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB", "PB", "EB"];
    let mut scaled = number;
    for unit in units {
        if scaled < 1000.0 {
            return if unit == "B" { format!("{scaled:.0} B") } else { format!("{scaled:.1} {unit}") };
        }
        scaled /= 1000.0;
    }
    format!("{number:.1e} B")
}
