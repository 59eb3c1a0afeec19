//! A task as it is written.

use serde::{Deserialize, Serialize};

use super::{Privacy, Purpose, Task};
use crate::{
    evaluation::EvaluationPlan, model::ModelSpec, optimizer::Server, participation::Participation, personal::Personal,
    plan::LocalPlan, pretrained::Pretrained,
};

/// All keys of the file, in the order of the canonical form; which of them belong together is checked when it becomes a [`Task`].
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Section {
    name: String,
    population: String,
    rounds: u32,
    model: ModelSpec,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    plan: Option<LocalPlan>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    evaluation: Option<EvaluationPlan>,
    participation: Participation,
    privacy: Privacy,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    server: Option<Server>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pretrained: Option<Pretrained>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    personal: Option<Personal>,
}

impl TryFrom<Section> for Task {
    type Error = String;

    fn try_from(section: Section) -> Result<Self, String> {
        let Section {
            name,
            population,
            rounds,
            model,
            plan,
            evaluation,
            participation,
            privacy,
            server,
            pretrained,
            personal,
        } = section;
        let missing = |key: &str| {
            format!(
                "missing field `{key}`: a task that trains has [plan] and [server], and one that measures [evaluation]"
            )
        };
        let purpose = match (plan, server, evaluation) {
            (Some(plan), Some(server), None) => Purpose::Train { plan, server },
            (None, None, Some(evaluation)) => Purpose::Evaluate(evaluation),
            (None, _, None) => return Err(missing("plan")),
            (Some(_), None, None) => return Err(missing("server")),
            (Some(_), _, Some(_)) => {
                return Err("[plan] does not go with [evaluation], which trains no model: what a candidate trains by is its own plan; \
                            remove one of the two"
                    .to_owned());
            }
            (None, Some(_), Some(_)) => {
                return Err(
                    "[server] does not go with [evaluation], which changes no model: remove one of the two".to_owned()
                );
            }
        };
        Ok(Self { name, population, rounds, model, purpose, participation, privacy, pretrained, personal })
    }
}

impl From<Task> for Section {
    fn from(task: Task) -> Self {
        let Task { name, population, rounds, model, purpose, participation, privacy, pretrained, personal } = task;
        let (plan, server, evaluation) = match purpose {
            Purpose::Train { plan, server } => (Some(plan), Some(server), None),
            Purpose::Evaluate(evaluation) => (None, None, Some(evaluation)),
        };
        Self { name, population, rounds, model, plan, evaluation, participation, privacy, server, pretrained, personal }
    }
}
