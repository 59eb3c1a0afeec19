//! How long a device takes part, what it agrees to, and what it has behind it.

use std::collections::BTreeMap;

use murmur_privacy::units::Epsilon;
use murmur_round::task::{Task, TaskHash};
use serde::{Deserialize, Serialize};

use super::{Access, Policy, PolicyRefusal, StateError};

/// How a device takes part.
#[derive(Clone, Debug, Default)]
pub struct Course {
    /// Whether it goes on when its coordinator is not there for long, or a task is not for it. Otherwise it says so and ends.
    pub patient: bool,
    /// Whether it ends when one of its updates was counted. Otherwise it goes on until the coordinator says that it is over.
    pub once: bool,
    /// What it agrees to.
    pub policy: Policy,
}

/// Every task that the device took part in, and the epsilon of its whole budget: kept for good, and only added to.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Behind(BTreeMap<TaskHash, Epsilon>);

impl Behind {
    /// Agrees to a task once and for all, or refuses it. What is agreed to is durable before anything is computed from the device's data.
    pub(super) fn agree(
        &mut self,
        policy: &Policy,
        access: &Access,
        hash: TaskHash,
        task: &Task,
    ) -> Result<Result<(), PolicyRefusal>, StateError> {
        if self.0.contains_key(&hash) {
            // Its whole budget is behind the device already. The policy may have become stricter since.
            let others = self.spent(Some(&hash));
            return Ok(policy.check(task, others));
        }
        if let Err(refusal) = policy.check(task, self.spent(None)) {
            return Ok(Err(refusal));
        }
        let mut more = self.clone();
        more.0.insert(hash, task.privacy.epsilon());
        access.keep_behind(&more)?;
        *self = more;
        Ok(Ok(()))
    }

    /// Epsilon of all tasks, but for one of them: basic composition.
    fn spent(&self, without: Option<&TaskHash>) -> Epsilon {
        let counted = self.0.iter().filter(|(task, _)| Some(*task) != without);
        Epsilon::new(counted.map(|(_, epsilon)| epsilon.get()).sum()).unwrap_or(Epsilon::INFINITE)
    }
}
