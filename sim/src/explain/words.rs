//! The explanation as a person reads it.

use std::fmt::Write as _;

use murmur_privacy::{Posterior, TradeOff, local::ReconstructionBound};

use super::Explain;

/// What there is to say.
pub(super) struct Facts<'a> {
    pub(super) curve: TradeOff,
    /// False alarms, and detections at most.
    pub(super) detected: &'a [(f64, f64)],
    pub(super) beliefs: &'a [Posterior],
    /// Population times delta.
    pub(super) exposed: Option<f64>,
    pub(super) rebuilt: Option<ReconstructionBound>,
}

impl Facts<'_> {
    /// By how much the odds of a belief grow at most.
    pub(super) fn factor(&self, asked: &Explain) -> f64 {
        asked.epsilon.get().exp() * if asked.delta.0.is_some() { 2.0 } else { 1.0 }
    }

    pub(super) fn text(&self, asked: &Explain) -> String {
        let (epsilon, curve) = (asked.epsilon, self.curve);
        let mut text = format!("epsilon {epsilon}");
        let mut line = |words: String| {
            // Writing to a String cannot fail.
            let _ = write!(text, "{words}");
        };
        match asked.delta.0 {
            Some(delta) => line(format!(" at delta {:e}", delta.get())),
            None => line(", without delta".to_owned()),
        }
        let unit = if asked.local_dimension.is_some() { "one use by one device" } else { "one device, all its data" };
        line(format!(", for {unit}:\n"));
        line(format!(
            "  a test      whoever sees everything that is released and has to tell whether a given device took part, with even odds\n              \
             before, is right with probability {} at most (a coin: 0.5); advantage {} at most\n",
            part(curve.most_right()),
            part(curve.advantage())
        ));
        for (alarms, found) in self.detected {
            line(format!(
                "  detection   accusing {:>4} % of the devices that did not take part, it finds {:>6.2} % of those that did at most\n",
                percent(*alarms),
                up(100.0 * found)
            ));
        }
        let except = self.beliefs.first().map_or(0.0, |belief| belief.except);
        let but =
            if except > 0.0 { format!(", except after results of probability {except:e}") } else { String::new() };
        line(format!(
            "  odds        of any suspicion about a device grow by a factor of {} at most{but}\n",
            part(self.factor(asked))
        ));
        for belief in self.beliefs {
            line(format!(
                "  suspicion   of {:>4} % beforehand becomes {:>6.2} % at most\n",
                percent(belief.prior),
                up(100.0 * belief.most)
            ));
        }
        if let (Some(exposed), Some(population)) = (self.exposed, asked.population) {
            line(format!(
                "  delta       {population} devices times delta is {}: a mechanism that published each device's data with probability delta \
                 would\n              publish so many on average, and the guarantee would let it; Murmur's Gaussian noise is none of that kind\n",
                part(exposed)
            ));
        }
        if let Some(bound) = &self.rebuilt {
            line(format!("  rebuilding  {bound}\n"));
        }
        line(
            "  always      the numbers are the worst case over everything that an adversary may know beside; a guarantee for a device says\n              \
             nothing about what is true of people in general and can be learnt without that device"
                .to_owned(),
        );
        if let Some(plot) = &asked.plot {
            line(format!("\n  drawn in    {}", plot.display()));
        }
        text
    }
}

/// Four digits, rounded up: what is printed is never less than what may be lost.
fn part(value: f64) -> String {
    if !(1e-4..1e6).contains(&value) {
        return format!("{:.3e}", value * (1.0 + 5e-4));
    }
    let digits = (4 - value.log10().floor() as i32).max(0);
    let scale = 10.0_f64.powi(digits);
    format!("{}", (value * scale).ceil() / scale)
}

/// Two decimals, rounded up.
fn up(value: f64) -> f64 {
    ((value * 100.0).ceil() / 100.0).min(100.0)
}

/// A share that was chosen here, without the dust of its binary form.
fn percent(share: f64) -> f64 {
    (share * 1e6).round() / 1e4
}
