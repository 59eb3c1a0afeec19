//! Epsilon by round, by every accountant that has a theorem, against the budget.

use maud::{Markup, html};
use murmur_privacy::{
    accountant::Prices,
    ledger::{Reservation, TaskAccount},
    units::DeltaProbability,
};

use super::{
    ReportError,
    figure::{Figure, Table},
    number,
};
use crate::chart::{Axis, Chart, Series};

/// Prices of so many numbers of rounds are asked for.
const MOST: usize = 40;
/// In the order in which they are asked.
const ACCOUNTANTS: [&str; 4] = ["exact-gaussian", "zcdp", "pld", "rdp"];

/// What the rounds of a task cost.
pub(super) struct Spending {
    pub(super) figure: Figure,
    /// Accountants without a theorem, and what each says.
    pub(super) refused: Vec<(&'static str, String)>,
}

impl Spending {
    /// Of a task's account; `None` where nothing is promised. Priced at the reservation's delta, or at another.
    pub(super) fn of(account: &TaskAccount, delta: Option<DeltaProbability>) -> Result<Option<Self>, ReportError> {
        let reservation = account.reservation();
        if !reservation.limit.is_finite() {
            return Ok(None);
        }
        let block = account.block_rounds();
        let delta = delta.unwrap_or(reservation.delta);
        let ends: Vec<u32> = (1..=reservation.rounds / block).map(|blocks| blocks * block).collect();
        let ends: Vec<u32> = number::thinned(&ends, MOST).into_iter().copied().collect();
        let (mut series, mut refused, mut priced) = (Vec::new(), Vec::new(), Vec::new());
        for accountant in ACCOUNTANTS {
            match Prices::by(accountant, &reservation.round_event, reservation.rounds / block, delta) {
                Ok(prices) => {
                    let mut points = vec![(0.0, 0.0)];
                    points.extend(ends.iter().map(|end| (f64::from(*end), prices.after(end / block).get())));
                    // Far beyond the budget a bound says no more than that, and its numbers stand in the table.
                    points.retain(|point| point.1 <= 3.0 * reservation.limit.get());
                    let chosen = if accountant == reservation.accountant { " (charged)" } else { "" };
                    series.push(Series::line(format!("{accountant}{chosen}"), points));
                    priced.push(prices);
                }
                Err(refusal) => refused.push((accountant, refusal.to_string())),
            }
        }
        let figure = figure(account, delta, &ends, series, &priced, block);
        Ok(Some(Self { figure, refused }))
    }
}

fn figure(
    account: &TaskAccount,
    delta: DeltaProbability,
    ends: &[u32],
    mut series: Vec<Series>,
    priced: &[Prices],
    block: u32,
) -> Figure {
    let Reservation { rounds, limit, .. } = account.reservation();
    let spent = account.rounds_spent();
    series.push(Series::reference("the task's budget", vec![(0.0, limit.get()), (f64::from(*rounds), limit.get())]));
    let mut columns = vec!["round".to_owned()];
    columns.extend(priced.iter().map(|prices| prices.accountant().to_owned()));
    let lines = ends.iter().map(|end| {
        let prices = priced.iter().map(|prices| number::epsilon(prices.after(end / block).get()));
        std::iter::once(end.to_string()).chain(prices).collect()
    });
    let blocks =
        if block > 1 { format!(" A block of {block} rounds is charged with its first.") } else { String::new() };
    let told =
        if spent < *rounds { format!(" Of {rounds} rounds, {spent} were paid for so far.") } else { String::new() };
    let all = series.iter().flat_map(|series| series.points.iter().map(|point| point.1));
    let y = Axis::linear("epsilon spent (nats)", all.chain([0.0]).collect::<Vec<_>>());
    Figure {
        title: "Epsilon spent by round".to_owned(),
        caption: format!(
            "All n = {rounds} rounds of the schedule, at delta {:e}; each accountant's bound holds by itself, and the least one is charged.{blocks}{told}",
            delta.get()
        ),
        chart: Chart { x: Axis::linear("rounds", [0.0, f64::from(*rounds)]).whole(), y, series, caption: None },
        table: Table { columns, rows: lines.collect() },
    }
}

impl Spending {
    /// The picture, and who has no theorem.
    pub(super) fn markup(&self) -> Result<Markup, ReportError> {
        let figure = self.figure.markup()?;
        Ok(html! {
            div.figures { (figure) }
            @if !self.refused.is_empty() {
                p.note { "Without a theorem for these rounds, and so without a line: " }
                ul.plain.note { @for (accountant, why) in &self.refused { li { (accountant) ": " (why) } } }
            }
        })
    }
}
