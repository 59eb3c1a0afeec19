//! The place where tasks and budgets are shown, as of now, and where they are watched.

use std::collections::BTreeMap;

use murmur_round::task::TaskHash;
use tokio::sync::watch;

use super::{PopulationView, TaskView};

/// Everything that is shown.
#[derive(Clone, Debug, Default)]
pub(crate) struct Views {
    tasks: BTreeMap<TaskHash, TaskView>,
    populations: BTreeMap<String, PopulationView>,
}

impl Views {
    pub(crate) fn task(&self, task: &TaskHash) -> Option<&TaskView> {
        self.tasks.get(task)
    }
}

/// Every view, and who watches them. A clone is another handle on the same ones.
#[derive(Clone, Debug)]
pub(crate) struct Board(watch::Sender<Views>);

impl Default for Board {
    fn default() -> Self {
        Self(watch::Sender::new(Views::default()))
    }
}

impl Board {
    /// Shows a view in the place of the last one of its task. Whoever watches is told if it differs.
    pub(super) fn show(&self, mut view: TaskView) {
        self.0.send_if_modified(|views| {
            let last = views.tasks.get(&view.task);
            // A round that was seen open before is open since then.
            if let (Some(open), Some(seen)) = (&mut view.open_round, last.and_then(|last| last.open_round))
                && open.number == seen.number
            {
                open.opened = seen.opened;
            }
            let changed = last != Some(&view);
            views.tasks.insert(view.task, view);
            changed
        });
    }

    /// Shows what became of a population's budget, in the place of what was shown last.
    pub(super) fn show_population(&self, view: PopulationView) {
        self.0.send_if_modified(|views| {
            let changed = views.populations.get(&view.population) != Some(&view);
            views.populations.insert(view.population.clone(), view);
            changed
        });
    }

    pub(super) fn forget(&self, task: &TaskHash) {
        self.0.send_if_modified(|views| views.tasks.remove(task).is_some());
    }

    /// Every task, in the order in which they were created.
    pub(crate) fn all(&self) -> Vec<TaskView> {
        let mut all: Vec<TaskView> = self.0.borrow().tasks.values().cloned().collect();
        all.sort_by(|one, other| (&one.created, &one.name, one.task).cmp(&(&other.created, &other.name, other.task)));
        all
    }

    /// Every population that has a ledger, by name.
    pub(crate) fn populations(&self) -> Vec<PopulationView> {
        self.0.borrow().populations.values().cloned().collect()
    }

    /// Whether the cohorts of any task are secret, or were: also of one that is over, or has not been taken up yet.
    pub(crate) fn has_secret_cohorts(&self) -> bool {
        self.0.borrow().tasks.values().any(|view| view.participation.is_secret())
    }

    pub(crate) fn view(&self, task: &TaskHash) -> Option<TaskView> {
        self.0.borrow().tasks.get(task).cloned()
    }

    pub(crate) fn watch(&self) -> watch::Receiver<Views> {
        self.0.subscribe()
    }
}
