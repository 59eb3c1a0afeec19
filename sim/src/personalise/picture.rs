//! Every user's quality by every way of making a model personal, in one picture.

use super::{
    adapt::{ALONE, METHODS},
    findings::{Findings, Line},
};
use crate::chart::{Axis, Chart, Series};

/// More users are not named below the picture.
const NAMED: usize = 12;
/// Distance between the marks of one user, of the distance between users.
const STEP: f64 = 0.17;

/// Marks side by side for each user, from whom the shared model serves worst to whom it serves best; whiskers reach from the least to the
/// most over the trials.
pub(super) fn of(found: &Findings) -> Chart {
    let Findings { task, trials, lines, left_out, .. } = found;
    let users = lines.len();
    let names: Vec<String> = lines.iter().map(|line| line.user.to_string()).collect();
    let who = if *left_out { "user, left out of training" } else { "user" };
    let (least, most) =
        lines.iter().fold((usize::MAX, 0), |(least, most), line| (least.min(line.test), most.max(line.test)));
    let tests = if least == most { format!("{least}") } else { format!("{least} to {most}") };
    let x = if users <= NAMED {
        Axis::named(format!("{who} ({tests} test examples each)"), names)
    } else {
        let label = format!("{users} users, from worst to best served ({tests} test examples each)");
        Axis::between(label, -0.5, users as f64 - 0.5)
    };
    let series = METHODS.iter().enumerate().map(|(method, name)| {
        // What everything else is to be compared with lies in the middle.
        let is_alone = *name == ALONE;
        let aside = if is_alone { 0.0 } else { (method as f64 - 1.5) * STEP };
        let place = |(index, line): (usize, &Line)| (index as f64 + aside, line.shown(method));
        let points = lines.iter().enumerate().map(place).collect();
        if is_alone {
            return Series::reference(*name, points);
        }
        let spread = if trials.len() > 1 { lines.iter().map(|line| line.spread(method)).collect() } else { Vec::new() };
        Series { spread, ..Series::marks(*name, points) }
    });
    let shown = if found.is_detector() { "balanced accuracy" } else { "accuracy" };
    let all =
        lines.iter().flat_map(|line| (0..METHODS.len()).flat_map(move |method| <[f64; 2]>::from(line.spread(method))));
    let y = Axis::linear(format!("{shown} on the user's own test examples"), all.chain([1.0])).percent();
    let runs = match trials.len() {
        1 => "one run".to_owned(),
        several => format!("mean, least and most of {several} runs"),
    };
    let caption = Some(format!("{task}: n = {users} users, {runs}"));
    Chart { x, y, series: series.collect(), caption }
}
