//! What is said to people.

use std::{fmt::Write as _, path::Path};

use super::{
    adapt::{ALONE, METHODS},
    findings::{Findings, LOCAL, Line, extent},
};

/// Users who are named: of more, those whom the shared model serves worst.
const USERS: usize = 40;

pub(super) fn text(found: &Findings, plot: Option<&Path>) -> String {
    let Findings { task, adaptation, left_out, trials, guarantee, lines } = found;
    let plan = &adaptation.plan;
    let mut text = format!("{task}: personal models of {} users\n", lines.len());
    // Writing to a String cannot fail.
    let _ = writeln!(text, "  privacy     {LOCAL}");
    let spent = match guarantee {
        Some(guarantee) if guarantee.is_private() => format!("epsilon {:.4}", guarantee.epsilon_spent),
        Some(_) => "epsilon infinite: NOT PRIVATE".to_owned(),
        None => "the file does not say what it cost".to_owned(),
    };
    let who = if *left_out { "trained by everybody but the user of the row" } else { "trained by everybody" };
    let _ = writeln!(text, "  shared      {who}; {spent}");
    let _ = writeln!(
        text,
        "  personal    epochs {}, batches of {}, learning rate {}; Ditto's lambda {}",
        plan.epochs, plan.batch_size, plan.learning_rate, adaptation.lambda
    );
    let _ = writeln!(text, "  {ALONE:<11} the same training without the shared model");
    let _ = writeln!(text, "  mean over   {}", trials.join(", "));
    let shown =
        if found.is_detector() { "balanced accuracy in % (words heard / false alarms, in %)" } else { "accuracy in %" };
    let _ = writeln!(text, "\n  {shown}, on each user's own test examples");
    let wide = if found.is_detector() { 21 } else { 13 };
    let named = lines.iter().take(USERS).map(|line| line.user.as_str().len()).max().unwrap_or(0).max(16);
    let heads: String = METHODS.iter().map(|method| format!("{method:>wide$}")).collect();
    let _ = writeln!(text, "  {:<named$} {:>6} {:>5}{heads}", "user", "train", "test");
    for line in lines.iter().take(USERS) {
        let cells: String = (0..METHODS.len()).map(|method| format!("{:>wide$}", cell(line, method))).collect();
        // Where everybody is left out in turn, every row is such a row.
        let mark = if line.held_out && !left_out { "*" } else { "" };
        let user = format!("{}{mark}", line.user);
        let _ = writeln!(text, "  {user:<named$} {:>6} {:>5}{cells}", line.train, line.test);
    }
    if lines.len() > USERS {
        let _ = writeln!(text, "  ... and {} more, whom the shared model serves better", lines.len() - USERS);
    }
    let mut row = |name: &str, of: &dyn Fn(usize) -> String| {
        let cells: String = (0..METHODS.len()).map(|method| format!("{:>wide$}", of(method))).collect();
        let _ = writeln!(text, "  {name:<named$} {:>6} {:>5}{cells}", "", "");
    };
    row("mean over users", &|method| percent(found.mean(method)));
    if trials.len() > 1 {
        row("  least to most", &|method| {
            let (low, high) = extent(found.by_trial(method).into_iter());
            format!("{} to {}", percent(low), percent(high))
        });
    }
    if found.is_detector() {
        row("words heard", &|method| rate(found.detection(method).and_then(|all| all.recall())));
        row("false alarms", &|method| rate(found.detection(method).and_then(|all| all.false_alarms())));
        row("accuracy", &|method| percent(found.accuracy(method)));
    }
    if !left_out && lines.iter().any(|line| line.held_out) {
        text.push_str("  * held out: the shared model never learnt from this user\n");
    }
    if let Some(plot) = plot {
        let _ = writeln!(text, "  drawn in    {}", plot.display());
    }
    text.trim_end().to_owned()
}

fn cell(line: &Line, method: usize) -> String {
    let shown = percent(line.shown(method));
    let whole = |share: Option<f64>| share.map_or("-".to_owned(), |share| format!("{:.0}", 100.0 * share));
    match line.detection(method) {
        Some(found) => format!("{shown} ({}/{})", whole(found.recall()), whole(found.false_alarms())),
        None => shown,
    }
}

fn percent(share: f64) -> String {
    format!("{:.1}", 100.0 * share)
}

fn rate(share: Option<f64>) -> String {
    share.map_or("-".to_owned(), percent)
}
