//! Candidates by the model that they begin with: a device looks at one model after the other.

use murmur_privacy::Digest;

use super::EvaluationPlan;

/// Candidates that begin with one and the same model.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// SHA-256 of the model's file; none for the task's own model.
    pub model: Option<Digest>,
    /// Places of the candidates in the task, ascending.
    pub places: Vec<usize>,
    /// The same plan with these candidates alone: the same examples are held out.
    pub plan: EvaluationPlan,
}

impl EvaluationPlan {
    /// The candidates by the model that they begin with, in the order in which models are first mentioned.
    #[must_use]
    pub fn groups(&self) -> Vec<Group> {
        let mut groups: Vec<Group> = Vec::new();
        for (place, candidate) in self.candidates.iter().enumerate() {
            let model = candidate.model.as_ref().map(|model| model.sha256);
            let known = match groups.iter().position(|group| group.model == model) {
                Some(known) => known,
                None => {
                    let plan = Self { held_out: self.held_out, candidates: Vec::new() };
                    groups.push(Group { model, places: Vec::new(), plan });
                    groups.len() - 1
                }
            };
            groups[known].places.push(place);
            groups[known].plan.candidates.push(candidate.clone());
        }
        groups
    }
}
