//! The report of a ledger, whoever wrote it: a simulation, or a coordinator that exported it.

use maud::html;
use murmur_privacy::{
    Ledger, Provenance,
    ledger::{Entry, Record, TaskAccount},
    units::{DeltaProbability, Epsilon},
};
use murmur_round::guarantee::TRUST;

use super::{
    ReportError, number,
    page::{Page, Section, facts},
    spending::Spending,
};

/// The report of a ledger whose chain was verified: `entries` are those that it was replayed from. Epsilon is priced at each task's delta,
/// or at another.
///
/// # Errors
/// [`ReportError`].
pub fn ledger(ledger: &Ledger, entries: &[Entry], delta: Option<DeltaProbability>) -> Result<String, ReportError> {
    let opening = ledger.opening();
    let tasks: Vec<&TaskAccount> = entries
        .iter()
        .filter_map(|entry| match &entry.record {
            Record::Reserved(reservation) => ledger.account(&reservation.task).ok(),
            _ => None,
        })
        .collect();
    let spent = tasks.iter().fold(Epsilon::ZERO, |sum, task| sum.plus(task.epsilon_spent()));
    let ((reserved, _), (left, left_delta)) = (ledger.reserved(), ledger.remaining());
    let mut warnings = Vec::new();
    if ledger.provenance() == Provenance::Simulated {
        warnings
            .push("SIMULATED: the noise that this ledger accounts for was seeded, and protected nobody.".to_owned());
    }
    if !opening.epsilon.is_finite() {
        warnings.push("NOT PRIVATE: the population was promised nothing, its budget is infinite.".to_owned());
    }
    let at = format!("at delta {:e}", opening.delta.get());
    let key = vec![
        ("Budget left", down(left), format!("epsilon, at delta {left_delta:e}")),
        ("Spent", number::epsilon(spent.get()), "epsilon of all rounds that were paid for".to_owned()),
        ("Set aside", number::epsilon(reserved.get()), "epsilon of whole schedules, spent or not".to_owned()),
        ("Budget", number::epsilon(opening.epsilon.get()), format!("epsilon for the population's life, {at}")),
        ("Tasks", tasks.len().to_string(), String::new()),
        ("Entries", number::count(ledger.length()), "the chain holds from the first to the last".to_owned()),
    ];
    let mut sections = vec![promise(ledger, spent, reserved)];
    sections.push(accounts(&tasks, delta)?);
    sections.push(chain(ledger, entries));
    let page = Page {
        title: opening.population.clone(),
        kind: "Privacy ledger",
        lead: format!(
            "What the population was promised, what was set aside of it for {} tasks, and what their rounds spent.",
            tasks.len()
        ),
        warnings,
        key,
        sections,
    };
    Ok(page.html())
}

/// What is left, rounded down.
fn down(left: Epsilon) -> String {
    if left.is_finite() { format!("{:.4}", (left.get() * 1e4).floor() / 1e4) } else { "infinite".to_owned() }
}

fn promise(ledger: &Ledger, spent: Epsilon, reserved: Epsilon) -> Section {
    let opening = ledger.opening();
    let budget = opening.epsilon.get();
    let share = |part: f64| if budget.is_finite() { (100.0 * part / budget).clamp(0.0, 100.0) } else { 0.0 };
    let (spent, reserved) = (spent.get(), reserved.get());
    let widths = (share(spent), share(reserved) - share(spent).min(share(reserved)));
    let body = html! {
        @if budget.is_finite() {
            div.meter role="img" aria-label=(format!("{:.1} % of the budget spent, {:.1} % more set aside", widths.0, widths.1)) {
                span.spent style=(format!("width:{:.2}%", widths.0)) {} span.reserved style=(format!("width:{:.2}%", widths.1)) {}
            }
            p.note { "Filled: spent. Hatched: set aside for rounds to come. Empty: left for tasks to come." }
            p {
                "To each device of the population, over all tasks together: whatever anybody could conclude from all that is ever released changes in probability by a \
                 factor of at most e" sup { "ε" } " if everything that this device contributes is replaced by nothing, but for a probability of δ, with ε = " (number::epsilon(budget))
                " and δ = " (format!("{:e}", opening.delta.get())) ". A task that does not fit into what is left is refused, before it begins."
            }
        } @else {
            p { strong { "Nothing is promised." } " The population's budget is infinite." }
        }
        (facts(&[
            ("Unit", "one device: all its data, all its rounds, all tasks of the population".to_owned()),
            ("Relation", opening.relation.to_string()),
            ("Over tasks", "basic composition of what was set aside, which holds for tasks that are created after seeing others' results".to_owned()),
            ("Noise", opening.provenance.to_string()),
            ("Adversary", TRUST.to_owned()),
        ]))
        p.note { "A ledger shows no count of any round: under a claim of sampling they are the coordinator's secret." }
    };
    Section { id: "privacy", title: "What is promised", body }
}

fn accounts(tasks: &[&TaskAccount], delta: Option<DeltaProbability>) -> Result<Section, ReportError> {
    let mut parts = Vec::new();
    for task in tasks {
        let reservation = task.reservation();
        let spending = Spending::of(task, delta)?.map(|spending| spending.markup()).transpose()?;
        let names = [
            (
                "Spent",
                format!("epsilon {} by {} rounds", number::epsilon(task.epsilon_spent().get()), task.rounds_spent()),
            ),
            (
                "Set aside",
                format!(
                    "epsilon {} for {} of {} rounds, of a budget of {}, at delta {:e}",
                    number::epsilon(reservation.epsilon.get()),
                    reservation.affordable,
                    reservation.rounds,
                    reservation.limit,
                    reservation.delta.get()
                ),
            ),
            ("Accountant", reservation.accountant.clone()),
            ("Devices", format!("{} enrolled when it began", number::count(reservation.devices))),
            (
                "Model",
                task.model().map_or_else(
                    || "none released".to_owned(),
                    |(round, model)| format!("sha256 {model}, of round {}", round + 1),
                ),
            ),
        ];
        parts.push(html! {
            h3 { "Task " code { (reservation.task) } }
            (facts(&names))
            @if let Some(spending) = spending { (spending) } @else { p { "Nothing is accounted for: epsilon is infinite." } }
        });
    }
    let body = html! { @if parts.is_empty() { p { "No task was created yet." } } @for part in parts { (part) } };
    Ok(Section { id: "tasks", title: "Tasks", body })
}

/// More entries are left to the file.
const SHOWN: usize = 300;

fn chain(ledger: &Ledger, entries: &[Entry]) -> Section {
    let shown = &entries[entries.len().saturating_sub(SHOWN)..];
    let body = html! {
        p {
            "Each entry names the digest of the one before it. All n = " (number::count(ledger.length())) " were read, every digest was computed again and every rule checked: "
            strong { "the chain holds" } ". Its head is " code { (ledger.head()) } "."
        }
        details {
            summary { @if shown.len() < entries.len() { "The last " (shown.len()) " entries" } @else { "All entries" } }
            div.scroll.tall tabindex="0" {
                table {
                    thead { tr { th.number scope="col" { "entry" } th scope="col" { "what" } th scope="col" { "task" } th scope="col" { "digest" } } }
                    tbody { @for entry in shown {
                        @let (what, task) = told(&entry.record);
                        tr { td.number { (entry.index) } td { (what) } td { code { (task) } } td { code { (first(&entry.digest.to_string())) } } }
                    } }
                }
            }
        }
    };
    Section { id: "chain", title: "The chain", body }
}

fn first(digest: &str) -> String {
    digest.chars().take(12).collect()
}

fn told(record: &Record) -> (String, String) {
    let task = |task: &murmur_privacy::Digest| first(&task.to_string());
    match record {
        Record::Opened(opening) => {
            (format!("opened with a budget of epsilon {} for {}", opening.epsilon, opening.population), String::new())
        }
        Record::Reserved(reservation) => (
            format!(
                "epsilon {} set aside for {} rounds",
                number::epsilon(reservation.epsilon.get()),
                reservation.affordable
            ),
            task(&reservation.task),
        ),
        Record::RoundOpened { task: of, round } => (format!("round {} opened", round + 1), task(of)),
        Record::Spent { task: of, round, .. } => (format!("round {} paid for", round + 1), task(of)),
        Record::Released { task: of, round, model } => {
            (format!("round {} released model {}", round + 1, first(&model.to_string())), task(of))
        }
        Record::Forfeited { task: of, rounds } => {
            (format!("{rounds} rounds of a block given up, at their cost"), task(of))
        }
        Record::Abandoned { task: of, round } => (format!("round {} given up, at no cost", round + 1), task(of)),
        _ => ("an entry that this version does not know".to_owned(), String::new()),
    }
}
