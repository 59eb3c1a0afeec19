//! What is counted about the server as a whole: never anything about one device, and no count of a round's devices.

use std::{collections::BTreeMap, sync::Arc};

use murmur_round::task::TaskHash;
use prometheus_client::{
    encoding::{EncodeLabelSet, text::encode},
    metrics::{counter::Counter, family::Family, gauge::Gauge},
    registry::Registry,
};

use crate::tasks::TaskView;

/// What a page is.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whose number it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct OfTask {
    task: String,
    name: String,
    population: String,
}

/// Whose number it is, in one of the states that a task can be in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct InState {
    task: String,
    name: String,
    state: String,
}

/// Why requests were refused.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Refused {
    reason: &'static str,
}

/// Requests that were refused, by reason.
pub(crate) type Refusals = BTreeMap<&'static str, u64>;

/// Numbers read off what operators see anyway. A clone is another handle on the same ones.
#[derive(Clone)]
pub(crate) struct Metrics(Arc<dyn Fn() -> (Vec<TaskView>, Refusals) + Send + Sync>);

impl Metrics {
    /// Of these tasks and refusals, as they are when somebody looks.
    pub(crate) fn of(views: impl Fn() -> (Vec<TaskView>, Refusals) + Send + Sync + 'static) -> Self {
        Self(Arc::new(views))
    }

    /// A page in the format that Prometheus reads.
    pub(crate) fn page(&self) -> String {
        let mut registry = Registry::with_prefix("murmur");
        let (paid, released, planned) = (Family::default(), Family::default(), Family::default());
        let (state, spent, reserved) = (Family::default(), Family::default(), Family::default());
        let (views, refusals) = (self.0)();
        let refused: Family<Refused, Counter> = Family::default();
        for (reason, count) in refusals {
            refused.get_or_create(&Refused { reason }).inc_by(count);
        }
        for view in views {
            let of = OfTask { task: name(&view.task), name: view.name.clone(), population: view.population.clone() };
            let set = |family: &Family<OfTask, Gauge>, value: u32| {
                family.get_or_create(&of).set(value.into());
            };
            set(&paid, view.rounds_paid);
            set(&released, view.rounds_released);
            set(&planned, view.rounds);
            let family: &Family<InState, Gauge> = &state;
            let state = view.standing.word().to_owned();
            family.get_or_create(&InState { task: of.task.clone(), name: view.name.clone(), state }).set(1);
            if let Some(guarantee) = &view.guarantee {
                let set = |family: &Family<OfTask, Gauge<f64, std::sync::atomic::AtomicU64>>, value: f64| {
                    family.get_or_create(&of).set(value);
                };
                set(&spent, guarantee.epsilon_spent.get());
                set(&reserved, guarantee.epsilon.get());
            }
        }
        registry.register("task_rounds_paid", "Rounds that were paid for, or given up", paid);
        registry.register("task_rounds_released", "Rounds whose model was released", released);
        registry.register("task_rounds_planned", "Rounds of the whole schedule", planned);
        registry.register("task_state", "1 for the state that the task is in", state);
        registry.register("task_epsilon_spent", "Epsilon of the rounds that were paid for", spent);
        registry.register("task_epsilon_reserved", "Epsilon of the whole schedule", reserved);
        registry.register("requests_refused", "Requests that were refused since the server began, by reason", refused);
        let mut page = String::new();
        match encode(&mut page, &registry) {
            Ok(()) => page,
            // Nothing is better than a part of it.
            Err(error) => {
                tracing::error!("no page of metrics: {error}");
                String::new()
            }
        }
    }
}

fn name(task: &TaskHash) -> String {
    task.to_string()
}

#[cfg(test)]
mod tests {
    use murmur_privacy::{Digest, units::SamplingRate};
    use murmur_round::participation::Participation;

    use super::*;
    use crate::{store::OrderState, tasks::Standing};

    fn view(name: &str, standing: Standing) -> TaskView {
        TaskView {
            task: Digest::of(name.as_bytes()),
            name: name.to_owned(),
            population: "phones".to_owned(),
            created: String::new(),
            standing,
            reason: None,
            rounds: 7,
            rounds_paid: 3,
            rounds_released: 2,
            model: None,
            ledger_head: None,
            guarantee: None,
            participation: Participation::Poisson {
                rate: SamplingRate::new(0.5).unwrap(),
                window_seconds: 1,
                minimum_reports: 1,
            },
            average: None,
            evaluation: None,
            devices: None,
            open_round: None,
        }
    }

    #[test]
    fn a_page_has_every_task_and_nothing_about_devices() {
        let views = [view("one", Standing::Running), view("two", Standing::Otherwise(OrderState::Paused))];
        let refusals = Refusals::from([("UNKNOWN_TOKEN", 3)]);
        let page = Metrics::of(move || (views.to_vec(), refusals.clone())).page();
        for name in ["one", "two"] {
            let labels = format!("{{task=\"{}\",name=\"{name}\",population=\"phones\"}}", Digest::of(name.as_bytes()));
            for (metric, value) in [("rounds_paid", 3), ("rounds_released", 2), ("rounds_planned", 7)] {
                assert!(
                    page.contains(&format!("murmur_task_{metric}{labels} {value}\n")),
                    "{metric} of {name} in {page}"
                );
            }
        }
        assert!(page.contains("state=\"running\"} 1") && page.contains("state=\"paused\"} 1"), "{page}");
        assert!(page.contains("murmur_requests_refused_total{reason=\"UNKNOWN_TOKEN\"} 3\n"), "{page}");
        assert!(page.ends_with("# EOF\n"));
        for private in ["device", "norm", "loss", "cohort", "count"] {
            // A counter is what a number of refusals is to Prometheus.
            let said = page.to_lowercase().replace("# type murmur_requests_refused counter", "");
            assert!(!said.contains(private), "{private:?} in {page}");
        }
    }
}
