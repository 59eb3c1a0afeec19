//! How good a model is for one user.

use std::ops::AddAssign;

use murmur_client::{Examples, TrainError, answers, evaluate};
use murmur_round::{model::ModelSpec, params::Params};

/// Quality on a user's test examples.
#[derive(Clone, Copy, Debug)]
pub(super) struct Quality {
    pub(super) accuracy: f64,
    pub(super) loss: f64,
    /// Where there are two classes.
    pub(super) detection: Option<Detection>,
}

/// How well class 1, the word that is waited for, is told from class 0, everything else.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Detection {
    /// Examples of the word, and how many of them were heard.
    pub(super) words: usize,
    pub(super) heard: usize,
    /// Examples of anything else, and how many of them were taken for the word.
    pub(super) others: usize,
    pub(super) alarms: usize,
}

impl Quality {
    pub(super) fn of(model: &ModelSpec, params: &Params, test: &Examples) -> Result<Self, TrainError> {
        let evaluation = evaluate(model, params, test)?;
        let detection = match model.classes() {
            Some(2) => Some(Detection::of(test.labels(), &answers(model, params, test)?)),
            _ => None,
        };
        Ok(Self { accuracy: evaluation.accuracy, loss: evaluation.loss, detection })
    }

    /// The figure that is shown: balanced accuracy of a detector, where most examples are of one class, and accuracy of anything else.
    pub(super) fn shown(&self) -> f64 {
        self.detection.and_then(|detection| detection.balanced()).unwrap_or(self.accuracy)
    }
}

impl Detection {
    fn of(labels: &[u32], answers: &[Option<u32>]) -> Self {
        let mut counts = Self::default();
        for (label, answer) in labels.iter().zip(answers) {
            let called = usize::from(*answer == Some(1));
            if *label == 1 {
                counts += Self { words: 1, heard: called, ..Self::default() };
            } else {
                counts += Self { others: 1, alarms: called, ..Self::default() };
            }
        }
        counts
    }

    /// Share of the word's examples that were heard; none where it was not said.
    pub(super) fn recall(&self) -> Option<f64> {
        (self.words > 0).then(|| self.heard as f64 / self.words as f64)
    }

    /// Share of all others that were taken for the word; none where there were no others.
    pub(super) fn false_alarms(&self) -> Option<f64> {
        (self.others > 0).then(|| self.alarms as f64 / self.others as f64)
    }

    /// Mean of the shares of either class that were right: 1/2 for whoever always gives the same answer.
    pub(super) fn balanced(&self) -> Option<f64> {
        Some((self.recall()? + 1.0 - self.false_alarms()?) / 2.0)
    }
}

impl AddAssign for Detection {
    fn add_assign(&mut self, other: Self) {
        self.words += other.words;
        self.heard += other.heard;
        self.others += other.others;
        self.alarms += other.alarms;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_detector_is_measured_by_what_it_hears_and_what_it_mistakes() {
        let found = Detection::of(&[1, 1, 1, 1, 0, 0, 0, 0, 0, 0], &[1, 1, 1, 0, 1, 0, 0, 0, 0, 0].map(Some));
        assert_eq!(found, Detection { words: 4, heard: 3, others: 6, alarms: 1 });
        assert_eq!((found.recall(), found.false_alarms()), (Some(0.75), Some(1.0 / 6.0)));
        let always_no = Detection::of(&[1, 0, 0, 0], &[Some(0), Some(0), Some(0), None]);
        assert_eq!(always_no.balanced(), Some(0.5), "whatever accuracy says");
        assert_eq!(Detection::of(&[0, 0], &[Some(0); 2]).balanced(), None);
    }
}
