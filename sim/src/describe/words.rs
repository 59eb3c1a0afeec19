//! What a description says to people.

use std::fmt::Write as _;

use super::{Facts, mean};

/// Labels that are named: the most frequent ones.
const LABELS: usize = 10;
/// Width of the longest bar.
const BAR: usize = 40;

pub(super) fn text(facts: &Facts<'_>) -> String {
    let mut text = format!("{}\n", facts.path.display());
    // Writing to a String cannot fail.
    let [channels, height, width] = facts.held.shape;
    let what = if facts.held.is_text {
        "characters".to_owned()
    } else {
        format!("examples of {channels} x {height} x {width}")
    };
    let _ = writeln!(text, "  training    {} {what}", facts.held.labels.len());
    let _ = writeln!(
        text,
        "  test        {} {}",
        facts.held.test,
        if facts.held.is_text { "characters" } else { "examples" }
    );
    if facts.held.unseen > 0 {
        let _ = writeln!(text, "  unseen      {} examples of users without training examples", facts.held.unseen);
    }
    labels(&mut text, facts);
    users(&mut text, facts);
    text.trim_end().to_owned()
}

fn labels(text: &mut String, facts: &Facts<'_>) {
    let mut labels: Vec<(&u32, &usize)> = facts.labels.iter().collect();
    labels.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    let _ = writeln!(text, "  labels      {} different ones; the most frequent:", labels.len());
    for (label, count) in labels.into_iter().take(LABELS) {
        let name = match char::from_u32(*label) {
            Some(character) if facts.held.is_text => format!("{character:?}"),
            _ => label.to_string(),
        };
        let _ =
            writeln!(text, "    {name:>6} {:>6.2} %", 100.0 * *count as f64 / facts.held.labels.len().max(1) as f64);
    }
}

fn users(text: &mut String, facts: &Facts<'_>) {
    let Facts { sizes, .. } = facts;
    let (Some(least), Some(most)) = (sizes.first(), sizes.last()) else {
        text.push_str("  users       the data name none\n");
        return;
    };
    let at = |share: f64| sizes[((sizes.len() - 1) as f64 * share).round() as usize];
    let _ = writeln!(
        text,
        "  users       {}: least {least}, a quarter up to {}, half up to {}, three quarters up to {}, most {most} examples",
        sizes.len(),
        at(0.25),
        at(0.5),
        at(0.75)
    );
    // Doublings from the smallest power of two.
    let power = |size: usize| size.max(1).ilog2();
    let of_power = |wanted: u32| sizes.iter().filter(|size| power(**size) == wanted).count();
    let powers: Vec<(u32, usize)> = (power(*least)..=power(*most)).map(|wanted| (wanted, of_power(wanted))).collect();
    let longest = powers.iter().map(|(_, count)| *count).max().unwrap_or(1).max(1);
    for (power, count) in powers {
        let (from, bar) = (if power == 0 { 0 } else { 1_u64 << power }, "#".repeat((count * BAR).div_ceil(longest)));
        let _ = writeln!(text, "    {from:>8} to {:<8} {count:>6} {bar}", (1_u64 << (power + 1)) - 1);
    }
    if let (Some(mean), Some(by_chance)) = (mean(&facts.distances), mean(&facts.by_chance)) {
        let _ = writeln!(
            text,
            "  skew        {mean:.3} is the mean distance of a user's labels from everybody's (0 the same, 1 nothing in common);\n\
             {:14}{by_chance:.3} if the same labels were dealt at random",
            ""
        );
    }
    if let Some(plot) = facts.plot {
        let _ = writeln!(text, "  drawn in    {}", plot.display());
    }
}
