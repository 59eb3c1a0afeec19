//! What is promised, to whom, and what is not: in words that a lawyer and an engineer read the same way.

use maud::{Markup, html};
use murmur_privacy::{Provenance, TradeOff};
use murmur_round::{
    guarantee::{Guarantee, MetricsClaim},
    participation::Participation,
};

use super::{
    ReportError, number,
    page::{Section, facts},
};

/// Whose promise it is.
pub(super) struct Statement<'a> {
    pub(super) guarantee: &'a Guarantee,
    /// Enrolled devices that it is for.
    pub(super) devices: u64,
    pub(super) participation: &'a Participation,
    /// Rounds that were released, where any were.
    pub(super) released: Option<u32>,
    /// Rounds of the whole schedule.
    pub(super) scheduled: u32,
}

impl Statement<'_> {
    pub(super) fn section(&self) -> Result<Section, ReportError> {
        let body = html! {
            (self.promise()?)
            (facts(&self.facts()))
            h3 { "What is not promised" }
            ul.plain { @for limit in self.limits() { li { (limit) } } }
            p.note {
                "This is a mathematical statement about a task. Whether it meets a legal standard, such as that a released model be anonymous, is a \
                 question of law: the numbers above inform it and do not answer it."
            }
        };
        Ok(Section { id: "privacy", title: "What is promised", body })
    }

    fn promise(&self) -> Result<Markup, ReportError> {
        let Self { guarantee, devices, scheduled, .. } = self;
        let devices = number::count(*devices);
        let (true, Some(delta)) = (guarantee.is_private(), guarantee.delta) else {
            return Ok(html! {
                p { strong { "Nothing is promised." } " The task says mechanism = \"none\": no noise is added and epsilon is infinite. What is released may \
                 give away anything about the data of any device." }
            });
        };
        let right = TradeOff::new(guarantee.epsilon, Some(delta)).most_right();
        let epsilon = number::epsilon(guarantee.epsilon.get());
        let simulated = guarantee.provenance == Provenance::Simulated;
        Ok(html! {
            @if simulated {
                p { strong { "This run protects nobody." } " Its noise follows from a seed that stands beside this report. What follows is what a deployment \
                 of the same task would promise, whose noise nobody can compute again." }
            }
            p {
                "To each of " (devices) " enrolled devices: suppose that whatever this device contributes, in all rounds, were replaced by nothing. Then the \
                 probability of anything that anybody could conclude from all that is released changes by a factor of at most e" sup { "ε" } ", up or down, but \
                 for a probability of δ, with ε = " (epsilon) " and δ = " (format!("{:e}", delta.get())) " for all " (scheduled) " rounds together. That is \
                 (ε, δ)-differential privacy for a device."
            }
            p {
                "In other words: somebody who sees every released model, the ledger and this report, knows everything about all other devices, and has to tell \
                 whether a given device took part, with even odds before, is right with a probability of at most " (format!("{:.4}", (right * 1e4).ceil() / 1e4))
                ". A coin is right with probability 0.5."
            }
        })
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let guarantee = self.guarantee;
        let mut facts = Vec::new();
        if let (true, Some(delta)) = (guarantee.is_private(), guarantee.delta) {
            let whole = number::epsilon(guarantee.epsilon.get());
            facts.push(("Epsilon", format!("{whole} for the whole schedule, of a budget of {}", guarantee.budget)));
            if let Some(released) = self.released {
                let spent = number::epsilon(guarantee.epsilon_spent.get());
                facts.push(("Spent", format!("{spent} by the {released} rounds that were released")));
            }
            facts.push((
                "Delta",
                format!("{:e}, below one over the {} devices", delta.get(), number::count(self.devices)),
            ));
        } else {
            facts.push(("Epsilon", "infinite: NOT PRIVATE".to_owned()));
        }
        facts.push(("Unit", "one device: all its data, all its rounds".to_owned()));
        facts.push(("Relation", guarantee.relation.to_string()));
        facts.push(match guarantee.noise_multiplier {
            Some(multiplier) => ("Mechanism", format!("{} with noise multiplier {multiplier:.4}", guarantee.mechanism)),
            None => ("Mechanism", guarantee.mechanism.clone()),
        });
        facts.push(("Accountant", guarantee.accountant.clone()));
        facts.push(("Sampling", guarantee.sampling.clone()));
        let metrics = match guarantee.metrics {
            MetricsClaim::None => "none: devices measure nothing",
            MetricsClaim::Private => "within the budget",
            MetricsClaim::NotPrivate => "NOT PRIVATE: published without noise, covered by no promise",
        };
        facts.push(("Metrics", metrics.to_owned()));
        if let Some(candidates) = guarantee.candidates {
            let released =
                format!("these metrics, of {candidates} candidates, and nothing else: no model is trained or changed");
            facts.push(("Releases", released));
        }
        if let Some(local) = &guarantee.local {
            facts.push(("Local", local.to_string()));
        }
        if let Some(starts_from) = &guarantee.starts_from {
            facts.push(("Starts from", starts_from.to_string()));
        }
        facts.push(("Adversary", guarantee.adversary.clone()));
        facts
    }

    fn limits(&self) -> Vec<String> {
        let guarantee = self.guarantee;
        let mut limits = Vec::new();
        let mut limit = |text: &str| limits.push(text.to_owned());
        if guarantee.provenance == Provenance::Simulated {
            limit("Anything for those whose data this simulation looked at: its noise is seeded.");
        }
        limit(
            "Protection against the coordinator, or against whoever breaks into it: it sees single updates and is trusted with them, until secure \
             aggregation exists.",
        );
        if guarantee.is_private()
            && matches!(self.participation, Participation::Poisson { .. } | Participation::Allocation { .. })
        {
            limit(
                "Anything, if the coordinator gives away who takes part: the claim rests on secret draws. The exact counts of a round are part of that \
                 secret; a deployment shows none, and those in here are a simulation's.",
            );
        }
        if guarantee.metrics == MetricsClaim::NotPrivate {
            limit("Anything about what devices measured: it is published without noise.");
        }
        limit("A person with several devices: each of them is a unit of its own.");
        if guarantee.starts_from.is_some() {
            limit(
                "Anything to those whose data the pretrained file was trained on: whoever trained it has to answer for them, and this ledger did \
                 not pay for it.",
            );
        }
        limit(
            "That nothing is learnt about people in general: what the data of all others show about somebody is not kept from anybody.",
        );
        limit(match guarantee.candidates {
            None => "Anything to those on whose examples accuracy is measured: they are outside of the population.",
            Some(_) => {
                "Anything to those on whose examples the model as it is was tested: they are outside of the population."
            }
        });
        limit(
            "What it cost to choose the task's settings: a search that looked at private data is charged by itself, and its report says how much.",
        );
        if guarantee.is_private() {
            limit(
                "Protection against unlimited computing power: a deployment's noise comes from the operating system's entropy through ChaCha20.",
            );
        }
        limits
    }
}
