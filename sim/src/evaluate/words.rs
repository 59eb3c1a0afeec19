//! What an evaluation says to people.

use std::fmt::Write as _;

use murmur_client::{Examination, ranking::SHOWN};

use super::{Findings, Part};

pub(super) fn text(findings: &Findings) -> String {
    let mut text = format!("{}\n", findings.path.display());
    // Writing to a String cannot fail.
    match &findings.manifest {
        Some(manifest) => {
            let round =
                manifest.round.map_or("before the first round".to_owned(), |round| format!("of round {}", round + 1));
            let average = if manifest.average.is_some() { "the average of the released models" } else { "the model" };
            let _ = writeln!(text, "  of task     {}: {average} {round}", manifest.name);
            if !manifest.own_layers.is_empty() {
                let layers = manifest.own_layers.join(", ");
                let _ = writeln!(
                    text,
                    "  own layers  {layers} are each device's own: here they are as the task began with them"
                );
            }
            let guarantee = &manifest.guarantee;
            let _ = match (guarantee.is_private(), guarantee.delta) {
                (true, Some(delta)) => {
                    writeln!(text, "  spent       epsilon {:.4} at delta {:e}", guarantee.epsilon_spent, delta.get())
                }
                _ => writeln!(text, "  spent       epsilon infinite: NOT PRIVATE"),
            };
            if let Some(starts_from) = &guarantee.starts_from {
                let _ = writeln!(text, "  starts from {starts_from}");
            }
        }
        None => {
            text.push_str("  of task     unknown: Murmur did not release this file, and says nothing of its privacy\n")
        }
    }
    part(&mut text, "test", &findings.test);
    match &findings.unseen {
        Some(unseen) => part(&mut text, "unseen users", unseen),
        None => text.push_str("  unseen users: the data hold none"),
    }
    text.trim_end().to_owned()
}

fn part(text: &mut String, name: &str, part: &Part) {
    let Examination { evaluation, calibration, ranking } = &part.examination;
    let (accuracy, loss, error) = (100.0 * evaluation.accuracy, evaluation.loss, calibration.error());
    let examples = evaluation.examples;
    let _ = writeln!(
        text,
        "  {name}: {accuracy:.2} % of {examples} examples (loss {loss:.4}, expected calibration error {error:.4})"
    );
    let (shown, reciprocal) = (100.0 * ranking.among_shown(), ranking.mean_reciprocal_rank());
    let _ = writeln!(
        text,
        "    as suggestions: {shown:.2} % among the first {SHOWN}, mean reciprocal rank {reciprocal:.4}"
    );
    let Some(mean) = part.mean_over_users() else { return };
    let mut accuracies: Vec<f64> = part.users.iter().map(|(_, evaluation)| 100.0 * evaluation.accuracy).collect();
    accuracies.sort_unstable_by(f64::total_cmp);
    let at = |share: f64| accuracies[((accuracies.len() - 1) as f64 * share).round() as usize];
    let _ = writeln!(
        text,
        "    by user: {:.2} % on average over {} users; least {:.2}, a tenth below {:.2}, half below {:.2}, most {:.2} %",
        100.0 * mean,
        accuracies.len(),
        at(0.0),
        at(0.1),
        at(0.5),
        at(1.0)
    );
}
